package main

import (
	"context"
	"encoding/hex"
	"errors"
	"path"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
)

type certificateStore struct{ c *azcertificates.Client }

func newCertificates(url string) (*certificateStore, error) {
	c, err := azcertificates.NewClient(url, credential, nil)
	return &certificateStore{c}, err
}

func (s *certificateStore) get(ctx context.Context, name, version string) (map[string]any, error) {
	c, err := s.c.GetCertificate(ctx, name, version, nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"version": c.ID.Version(), "enabled": *c.Attributes.Enabled, "tags": values(c.Tags),
		"created": c.Attributes.Created.Unix(), "updated": c.Attributes.Updated.Unix(), "cer": c.CER,
		"thumbprint": hex.EncodeToString(c.X509Thumbprint),
	}, nil
}

func (s *certificateStore) create(ctx context.Context, r request) error {
	policy := azcertificates.CertificatePolicy{
		IssuerParameters:          &azcertificates.IssuerParameters{Name: to.Ptr("Self")},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{Subject: r.Subject},
	}
	_, err := s.c.CreateCertificate(ctx, r.Name, azcertificates.CreateCertificateParameters{CertificatePolicy: &policy}, nil)
	for err == nil {
		o, pending := s.c.GetCertificateOperation(ctx, r.Name, nil)
		if err = pending; err == nil && *o.Status == "completed" {
			break
		}
		if err == nil && *o.Status != "inProgress" {
			err = errors.New(*o.Status)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (s *certificateStore) importPFX(ctx context.Context, r request) error {
	_, err := s.c.ImportCertificate(ctx, r.Name,
		azcertificates.ImportCertificateParameters{Base64EncodedCertificate: r.PFX, Password: r.Password}, nil)
	return err
}

func (s *certificateStore) list(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListCertificatePropertiesPager(nil),
		func(p azcertificates.ListCertificatePropertiesResponse) (names []string) {
			for _, c := range p.Value {
				names = append(names, c.ID.Name())
			}
			return names
		})
}

func (s *certificateStore) versions(ctx context.Context, name string) ([]string, error) {
	all, err := pages(ctx, s.c.NewListCertificatePropertiesVersionsPager(name, nil),
		func(p azcertificates.ListCertificatePropertiesVersionsResponse) (versions []string) {
			for _, c := range p.Value {
				versions = append(versions, c.ID.Version())
			}
			return versions
		})
	return all.Names, err
}

func (s *certificateStore) deleted(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListDeletedCertificatePropertiesPager(nil),
		func(p azcertificates.ListDeletedCertificatePropertiesResponse) (names []string) {
			for _, c := range p.Value {
				names = append(names, c.ID.Name())
			}
			return names
		})
}

func (s *certificateStore) backup(ctx context.Context, name string) ([]byte, error) {
	b, err := s.c.BackupCertificate(ctx, name, nil)
	return b.Value, err
}

func (s *certificateStore) restore(ctx context.Context, blob []byte) (string, error) {
	c, err := s.c.RestoreCertificate(ctx, azcertificates.RestoreCertificateParameters{CertificateBackup: blob}, nil)
	if err != nil {
		return "", err
	}
	return c.ID.Name(), nil
}

func (s *certificateStore) delete(ctx context.Context, name string) error {
	_, err := s.c.DeleteCertificate(ctx, name, nil)
	return err
}

func (s *certificateStore) getDeleted(ctx context.Context, name string) error {
	_, err := s.c.GetDeletedCertificate(ctx, name, nil)
	return err
}

func (s *certificateStore) recover(ctx context.Context, name string) error {
	_, err := s.c.RecoverDeletedCertificate(ctx, name, nil)
	return err
}

func (s *certificateStore) purge(ctx context.Context, name string) error {
	_, err := s.c.PurgeDeletedCertificate(ctx, name, nil)
	return err
}

func (s *certificateStore) contacts(ctx context.Context, r request) (any, error) {
	var got azcertificates.Contacts

	switch r.What {
	case "set":
		for _, c := range r.Values {
			got.ContactList = append(got.ContactList, &azcertificates.Contact{Email: c.Email, Name: c.Name, Phone: c.Phone})
		}
		answer, err := s.c.SetContacts(ctx, got, nil)
		if err != nil {
			return nil, err
		}
		got = answer.Contacts
	case "get":
		answer, err := s.c.GetContacts(ctx, nil)
		if err != nil {
			return nil, err
		}
		got = answer.Contacts
	default:
		answer, err := s.c.DeleteContacts(ctx, nil)
		if err != nil {
			return nil, err
		}
		got = answer.Contacts
	}
	list := []contact{}
	for _, c := range got.ContactList {
		list = append(list, contact{c.Email, c.Name, c.Phone})
	}
	return list, nil
}

func describeIssuer(i azcertificates.Issuer) any {
	return map[string]any{"name": path.Base(*i.ID), "provider": i.Provider, "account": i.Credentials.AccountID,
		"enabled": i.Attributes.Enabled}
}

func (s *certificateStore) issuers(ctx context.Context, r request) (any, error) {
	switch r.What {
	case "list":
		list := [][]string{}
		_, err := pages(ctx, s.c.NewListIssuerPropertiesPager(nil),
			func(p azcertificates.ListIssuerPropertiesResponse) (names []string) {
				for _, i := range p.Value {
					list = append(list, []string{path.Base(*i.ID), *i.Provider})
				}
				return nil
			})
		return list, err
	case "set":
		i, err := s.c.SetIssuer(ctx, r.Name, azcertificates.SetIssuerParameters{Provider: r.Provider,
			Credentials: &azcertificates.IssuerCredentials{AccountID: r.Account}}, nil)
		if err != nil {
			return nil, err
		}
		return describeIssuer(i.Issuer), nil
	case "get":
		i, err := s.c.GetIssuer(ctx, r.Name, nil)
		if err != nil {
			return nil, err
		}
		return describeIssuer(i.Issuer), nil
	}
	i, err := s.c.DeleteIssuer(ctx, r.Name, nil)
	if err != nil {
		return nil, err
	}
	return describeIssuer(i.Issuer), nil
}

package main

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
)

type secretStore struct{ c *azsecrets.Client }

func newSecrets(url string) (*secretStore, error) {
	c, err := azsecrets.NewClient(url, credential, nil)
	return &secretStore{c}, err
}

func (s *secretStore) get(ctx context.Context, name, version string) (map[string]any, error) {
	v, err := s.c.GetSecret(ctx, name, version, nil)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"version": v.ID.Version(), "enabled": *v.Attributes.Enabled, "tags": values(v.Tags),
		"created": v.Attributes.Created.Unix(), "updated": v.Attributes.Updated.Unix(), "value": v.Value,
		"content_type": v.ContentType,
	}, nil
}

func (s *secretStore) set(ctx context.Context, r request) error {
	_, err := s.c.SetSecret(ctx, r.Name,
		azsecrets.SetSecretParameters{Value: r.Value, ContentType: r.Type, Tags: tagsOf(r.Tags)}, nil)
	return err
}

func (s *secretStore) list(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListSecretPropertiesPager(nil),
		func(p azsecrets.ListSecretPropertiesResponse) (names []string) {
			for _, v := range p.Value {
				names = append(names, v.ID.Name())
			}
			return names
		})
}

func (s *secretStore) versions(ctx context.Context, name string) ([]string, error) {
	all, err := pages(ctx, s.c.NewListSecretPropertiesVersionsPager(name, nil),
		func(p azsecrets.ListSecretPropertiesVersionsResponse) (versions []string) {
			for _, v := range p.Value {
				versions = append(versions, v.ID.Version())
			}
			return versions
		})
	return all.Names, err
}

func (s *secretStore) deleted(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListDeletedSecretPropertiesPager(nil),
		func(p azsecrets.ListDeletedSecretPropertiesResponse) (names []string) {
			for _, v := range p.Value {
				names = append(names, v.ID.Name())
			}
			return names
		})
}

func (s *secretStore) backup(ctx context.Context, name string) ([]byte, error) {
	b, err := s.c.BackupSecret(ctx, name, nil)
	return b.Value, err
}

func (s *secretStore) restore(ctx context.Context, blob []byte) (string, error) {
	v, err := s.c.RestoreSecret(ctx, azsecrets.RestoreSecretParameters{SecretBackup: blob}, nil)
	if err != nil {
		return "", err
	}
	return v.ID.Name(), nil
}

func (s *secretStore) delete(ctx context.Context, name string) error {
	_, err := s.c.DeleteSecret(ctx, name, nil)
	return err
}

func (s *secretStore) getDeleted(ctx context.Context, name string) error {
	_, err := s.c.GetDeletedSecret(ctx, name, nil)
	return err
}

func (s *secretStore) recover(ctx context.Context, name string) error {
	_, err := s.c.RecoverDeletedSecret(ctx, name, nil)
	return err
}

func (s *secretStore) purge(ctx context.Context, name string) error {
	_, err := s.c.PurgeDeletedSecret(ctx, name, nil)
	return err
}

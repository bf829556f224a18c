package main

import (
	"context"
	"encoding/base64"
	"sort"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"
)

type keyStore struct{ c *azkeys.Client }

func newKeys(url string) (*keyStore, error) {
	c, err := azkeys.NewClient(url, credential, nil)
	return &keyStore{c}, err
}

func (s *keyStore) get(ctx context.Context, name, version string) (map[string]any, error) {
	k, err := s.c.GetKey(ctx, name, version, nil)
	if err != nil {
		return nil, err
	}
	ops := []string{}
	for _, o := range k.Key.KeyOps {
		ops = append(ops, string(*o))
	}
	sort.Strings(ops)
	return map[string]any{
		"version": k.Key.KID.Version(), "enabled": *k.Attributes.Enabled, "tags": values(k.Tags),
		"created": k.Attributes.Created.Unix(), "updated": k.Attributes.Updated.Unix(), "kty": string(*k.Key.Kty),
		"ops": ops, "n": k.Key.N, "e": k.Key.E, "x": k.Key.X, "y": k.Key.Y,
	}, nil
}

func values(tags map[string]*string) map[string]string {
	plain := map[string]string{}
	for k, v := range tags {
		plain[k] = *v
	}
	return plain
}

func (s *keyStore) create(ctx context.Context, r request) error {
	kty := azkeys.KeyType(r.Kty)
	if r.HSM {
		kty += "-HSM"
	}
	p := azkeys.CreateKeyParameters{Kty: &kty, KeySize: r.Size, Tags: tagsOf(r.Tags)}
	if r.Curve != "" {
		curve := azkeys.CurveName(r.Curve)
		p.Curve = &curve
	}
	_, err := s.c.CreateKey(ctx, r.Name, p, nil)
	return err
}

func (s *keyStore) importJWK(ctx context.Context, r request) error {
	bytes := func(member string) []byte {
		b, _ := base64.RawURLEncoding.DecodeString(r.JWK[member])
		return b
	}
	kty := azkeys.KeyType(r.JWK["kty"])
	_, err := s.c.ImportKey(ctx, r.Name, azkeys.ImportKeyParameters{HSM: &r.HSM, Key: &azkeys.JSONWebKey{
		Kty: &kty, N: bytes("n"), E: bytes("e"), D: bytes("d"), P: bytes("p"), Q: bytes("q"),
		DP: bytes("dp"), DQ: bytes("dq"), QI: bytes("qi")}}, nil)
	return err
}

func (s *keyStore) list(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListKeyPropertiesPager(nil), func(p azkeys.ListKeyPropertiesResponse) (names []string) {
		for _, k := range p.Value {
			names = append(names, k.KID.Name())
		}
		return names
	})
}

func (s *keyStore) versions(ctx context.Context, name string) ([]string, error) {
	all, err := pages(ctx, s.c.NewListKeyPropertiesVersionsPager(name, nil),
		func(p azkeys.ListKeyPropertiesVersionsResponse) (versions []string) {
			for _, k := range p.Value {
				versions = append(versions, k.KID.Version())
			}
			return versions
		})
	return all.Names, err
}

func (s *keyStore) deleted(ctx context.Context) (listing, error) {
	return pages(ctx, s.c.NewListDeletedKeyPropertiesPager(nil),
		func(p azkeys.ListDeletedKeyPropertiesResponse) (names []string) {
			for _, k := range p.Value {
				names = append(names, k.KID.Name())
			}
			return names
		})
}

func (s *keyStore) backup(ctx context.Context, name string) ([]byte, error) {
	b, err := s.c.BackupKey(ctx, name, nil)
	return b.Value, err
}

func (s *keyStore) restore(ctx context.Context, blob []byte) (string, error) {
	k, err := s.c.RestoreKey(ctx, azkeys.RestoreKeyParameters{KeyBackup: blob}, nil)
	if err != nil {
		return "", err
	}
	return k.Key.KID.Name(), nil
}

func (s *keyStore) delete(ctx context.Context, name string) error {
	_, err := s.c.DeleteKey(ctx, name, nil)
	return err
}

func (s *keyStore) getDeleted(ctx context.Context, name string) error {
	_, err := s.c.GetDeletedKey(ctx, name, nil)
	return err
}

func (s *keyStore) recover(ctx context.Context, name string) error {
	_, err := s.c.RecoverDeletedKey(ctx, name, nil)
	return err
}

func (s *keyStore) purge(ctx context.Context, name string) error {
	_, err := s.c.PurgeDeletedKey(ctx, name, nil)
	return err
}

// Does with the Azure SDK for Go what each line of its input asks for. tests/interop/driver.py has the requests.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

type request struct {
	Op         string            `json:"op"`
	URL        string            `json:"url"`
	Credential credentialOf      `json:"credential_of"`
	Only       []string          `json:"only"`
	Resource   string            `json:"resource"`
	Kind       string            `json:"kind"`
	Name       string            `json:"name"`
	Version    string            `json:"version"`
	Kty        string            `json:"kty"`
	Size       *int32            `json:"size"`
	Curve      string            `json:"curve"`
	HSM        bool              `json:"hsm"`
	Tags       map[string]string `json:"tags"`
	JWK        map[string]string `json:"jwk"`
	Value      *string           `json:"value"`
	Type       *string           `json:"content_type"`
	Subject    *string           `json:"subject"`
	PFX        *string           `json:"pfx"`
	Password   *string           `json:"password"`
	Blob       []byte            `json:"blob"`
	What       string            `json:"what"`
	Values     []contact         `json:"values"`
	Provider   *string           `json:"provider"`
	Account    *string           `json:"account"`
}

type contact struct {
	Email *string `json:"email"`
	Name  *string `json:"name"`
	Phone *string `json:"phone"`
}

// What keys, secrets and certificates have in common.
type store interface {
	get(ctx context.Context, name, version string) (map[string]any, error)
	list(ctx context.Context) (listing, error)
	versions(ctx context.Context, name string) ([]string, error)
	deleted(ctx context.Context) (listing, error)
	backup(ctx context.Context, name string) ([]byte, error)
	restore(ctx context.Context, blob []byte) (string, error)
	delete(ctx context.Context, name string) error
	getDeleted(ctx context.Context, name string) error
	recover(ctx context.Context, name string) error
	purge(ctx context.Context, name string) error
}

type listing struct {
	Names []string `json:"names"`
	Pages []int    `json:"pages"`
}

var (
	stores       = map[string]store{}
	keys         *keyStore
	secrets      *secretStore
	certificates *certificateStore
	credential   azcore.TokenCredential
)

// Every page of a pager: the names in it.
func pages[T any](ctx context.Context, pager *runtime.Pager[T], names func(T) []string) (listing, error) {
	found := listing{Names: []string{}, Pages: []int{}}

	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return found, err
		}
		items := names(page)
		found.Names = append(found.Names, items...)
		found.Pages = append(found.Pages, len(items))
	}
	return found, nil
}

func tagsOf(tags map[string]string) map[string]*string {
	pointers := map[string]*string{}
	for k, v := range tags {
		pointers[k] = &v
	}
	return pointers
}

func isHere(only []string, kind string) bool {
	for _, k := range only {
		if k == kind {
			return true
		}
	}
	return only == nil
}

func open(r request) (err error) {
	if credential, err = newCredential(r.Credential); err != nil {
		return err
	}
	if err == nil && isHere(r.Only, "keys") {
		keys, err = newKeys(r.URL)
		stores["keys"] = keys
	}
	if err == nil && isHere(r.Only, "secrets") {
		secrets, err = newSecrets(r.URL)
		stores["secrets"] = secrets
	}
	if err == nil && isHere(r.Only, "certificates") {
		certificates, err = newCertificates(r.URL)
		stores["certificates"] = certificates
	}
	return err
}

// This SDK has no pollers: its pages tell to ask until the answer is another one than 404.
func untilFound(find func() error) error {
	for {
		err := find()
		var e *azcore.ResponseError
		if !errors.As(err, &e) || e.StatusCode != 404 {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func operate(ctx context.Context, r request) (any, error) {
	s := stores[r.Kind]

	switch r.Op {
	case "open":
		return nil, open(r)
	case "token":
		t, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{r.Resource + "/.default"}})
		return t.Token, err
	case "get":
		return s.get(ctx, r.Name, r.Version)
	case "create_key":
		return nil, keys.create(ctx, r)
	case "import_key":
		return nil, keys.importJWK(ctx, r)
	case "set_secret":
		return nil, secrets.set(ctx, r)
	case "create_certificate":
		return nil, certificates.create(ctx, r)
	case "import_certificate":
		return nil, certificates.importPFX(ctx, r)
	case "list":
		return s.list(ctx)
	case "versions":
		return s.versions(ctx, r.Name)
	case "deleted":
		return s.deleted(ctx)
	case "backup":
		return s.backup(ctx, r.Name)
	case "restore":
		return s.restore(ctx, r.Blob)
	case "delete":
		if err := s.delete(ctx, r.Name); err != nil {
			return nil, err
		}
		return nil, untilFound(func() error { return s.getDeleted(ctx, r.Name) })
	case "recover":
		if err := s.recover(ctx, r.Name); err != nil {
			return nil, err
		}
		return nil, untilFound(func() error { _, err := s.get(ctx, r.Name, ""); return err })
	case "purge":
		return nil, s.purge(ctx, r.Name)
	case "contacts":
		return certificates.contacts(ctx, r)
	case "issuers":
		return certificates.issuers(ctx, r)
	}
	return nil, errors.New("no such operation: " + r.Op)
}

func main() {
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)

	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		var result any
		if err = json.Unmarshal(line, &r); err == nil {
			result, err = operate(context.Background(), r)
		}
		answer := map[string]any{"ok": result}
		if err != nil {
			answer = map[string]any{"error": err.Error(), "status": nil, "code": nil}
			var e *azcore.ResponseError
			if errors.As(err, &e) {
				answer["status"], answer["code"] = e.StatusCode, e.ErrorCode
			}
		}
		_ = out.Encode(answer)
	}
}

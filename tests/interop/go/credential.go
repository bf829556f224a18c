package main

import (
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

type credentialOf struct {
	Kind     string `json:"kind"`
	Tenant   string `json:"tenant"`
	ClientID string `json:"client_id"`
	Secret   string `json:"secret"`
	Path     string `json:"path"`
	Password string `json:"password"`
	Chain    bool   `json:"chain"`
}

func ofCertificate(c credentialOf) (azcore.TokenCredential, error) {
	data, err := os.ReadFile(c.Path)
	if err != nil {
		return nil, err
	}
	chain, key, err := azidentity.ParseCertificates(data, []byte(c.Password))
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(c.Tenant, c.ClientID, chain, key,
		&azidentity.ClientCertificateCredentialOptions{DisableInstanceDiscovery: true, SendCertificateChain: c.Chain})
}

// The authority is in AZURE_AUTHORITY_HOST.
func newCredential(c credentialOf) (azcore.TokenCredential, error) {
	switch c.Kind {
	case "secret":
		return azidentity.NewClientSecretCredential(c.Tenant, c.ClientID, c.Secret,
			&azidentity.ClientSecretCredentialOptions{DisableInstanceDiscovery: true})
	case "certificate":
		return ofCertificate(c)
	case "workload":
		return azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientID: c.ClientID, TenantID: c.Tenant, TokenFilePath: c.Path, DisableInstanceDiscovery: true})
	case "managed":
		o := &azidentity.ManagedIdentityCredentialOptions{}
		if c.ClientID != "" {
			o.ID = azidentity.ClientID(c.ClientID)
		}
		return azidentity.NewManagedIdentityCredential(o)
	case "cli":
		return azidentity.NewAzureCLICredential(nil)
	}
	return azidentity.NewDefaultAzureCredential(
		&azidentity.DefaultAzureCredentialOptions{DisableInstanceDiscovery: true})
}

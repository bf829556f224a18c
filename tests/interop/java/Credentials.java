import com.azure.core.credential.TokenCredential;
import com.azure.identity.AzureCliCredentialBuilder;
import com.azure.identity.ClientCertificateCredentialBuilder;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.identity.WorkloadIdentityCredentialBuilder;
import com.fasterxml.jackson.databind.JsonNode;

/** The authority is in AZURE_AUTHORITY_HOST. */
final class Credentials {
	private static TokenCredential ofCertificate(JsonNode c, String tenant, String client) {
		ClientCertificateCredentialBuilder b = new ClientCertificateCredentialBuilder().tenantId(tenant)
		    .clientId(client).disableInstanceDiscovery().sendCertificateChain(c.path("chain").asBoolean());
		String path = Driver.text(c, "path"), password = Driver.text(c, "password");

		if (path.endsWith(".pem"))
			return b.pemCertificate(path).build();
		return b.pfxCertificate(path).clientCertificatePassword(password).build();
	}

	static TokenCredential make(JsonNode c) {
		String tenant = Driver.text(c, "tenant"), client = Driver.text(c, "client_id");

		switch (Driver.text(c, "kind")) {
		case "secret":
			return new ClientSecretCredentialBuilder().tenantId(tenant).clientId(client)
			    .clientSecret(Driver.text(c, "secret")).disableInstanceDiscovery().build();
		case "certificate":
			return ofCertificate(c, tenant, client);
		case "workload":
			return new WorkloadIdentityCredentialBuilder().tenantId(tenant).clientId(client)
			    .tokenFilePath(Driver.text(c, "path")).disableInstanceDiscovery().build();
		case "managed":
			return new ManagedIdentityCredentialBuilder().clientId(client).build();
		case "cli":
			return new AzureCliCredentialBuilder().build();
		default:
			return new DefaultAzureCredentialBuilder().disableInstanceDiscovery().build();
		}
	}

	private Credentials() { }
}

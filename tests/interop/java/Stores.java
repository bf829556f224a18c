import com.azure.core.credential.TokenCredential;
import com.azure.core.util.polling.SyncPoller;
import com.azure.security.keyvault.certificates.CertificateClient;
import com.azure.security.keyvault.certificates.CertificateClientBuilder;
import com.azure.security.keyvault.certificates.models.CertificateContact;
import com.azure.security.keyvault.certificates.models.CertificateIssuer;
import com.azure.security.keyvault.certificates.models.CertificatePolicy;
import com.azure.security.keyvault.certificates.models.CertificateProperties;
import com.azure.security.keyvault.certificates.models.DeletedCertificate;
import com.azure.security.keyvault.certificates.models.ImportCertificateOptions;
import com.azure.security.keyvault.certificates.models.KeyVaultCertificate;
import com.azure.security.keyvault.keys.KeyClient;
import com.azure.security.keyvault.keys.KeyClientBuilder;
import com.azure.security.keyvault.keys.models.CreateEcKeyOptions;
import com.azure.security.keyvault.keys.models.CreateRsaKeyOptions;
import com.azure.security.keyvault.keys.models.DeletedKey;
import com.azure.security.keyvault.keys.models.ImportKeyOptions;
import com.azure.security.keyvault.keys.models.JsonWebKey;
import com.azure.security.keyvault.keys.models.KeyCurveName;
import com.azure.security.keyvault.keys.models.KeyProperties;
import com.azure.security.keyvault.keys.models.KeyType;
import com.azure.security.keyvault.keys.models.KeyVaultKey;
import com.azure.security.keyvault.secrets.SecretClient;
import com.azure.security.keyvault.secrets.SecretClientBuilder;
import com.azure.security.keyvault.secrets.models.DeletedSecret;
import com.azure.security.keyvault.secrets.models.KeyVaultSecret;
import com.azure.security.keyvault.secrets.models.SecretProperties;
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

final class Stores {
	private static final Duration SOON = Duration.ofMillis(100);

	static Driver.Store open(String kind, String url, TokenCredential credential) {
		switch (kind) {
		case "keys":
			return new Keys(new KeyClientBuilder().vaultUrl(url).credential(credential).buildClient());
		case "secrets":
			return new Secrets(new SecretClientBuilder().vaultUrl(url).credential(credential).buildClient());
		default:
			return new Certificates(new CertificateClientBuilder().vaultUrl(url).credential(credential).buildClient());
		}
	}

	/** The code in what the SDK made of an error's body: {"error":{"code":…}}. */
	static String code(Object value) {
		return value instanceof Map<?, ?> m && m.get("error") instanceof Map<?, ?> e ? String.valueOf(e.get("code")) : null;
	}

	private static Map<String, Object> common(String version, Boolean enabled, Map<String, String> tags,
	    OffsetDateTime created, OffsetDateTime updated) {
		Map<String, Object> m = new HashMap<>();
		m.put("version", version);
		m.put("enabled", enabled);
		m.put("tags", tags == null ? Map.of() : tags);
		m.put("created", created.toEpochSecond());
		m.put("updated", updated.toEpochSecond());
		return m;
	}

	/** Until a deletion or a recovery has taken effect: all that the poller waits for. */
	private static <T, U> void wait(SyncPoller<T, U> poller) {
		poller.setPollInterval(SOON).waitForCompletion();
	}

	static final class Keys implements Driver.Store {
		private final KeyClient c;

		Keys(KeyClient c) {
			this.c = c;
		}

		@Override
		public Object get(String name, String version) {
			KeyVaultKey k = c.getKey(name, version);
			KeyProperties p = k.getProperties();
			JsonWebKey j = k.getKey();
			Map<String, Object> m =
			    common(p.getVersion(), p.isEnabled(), p.getTags(), p.getCreatedOn(), p.getUpdatedOn());
			m.put("kty", k.getKeyType().toString());
			m.put("ops", k.getKeyOperations().stream().map(Object::toString).sorted().toList());
			m.put("n", j.getN());
			m.put("e", j.getE());
			m.put("x", j.getX());
			m.put("y", j.getY());
			return m;
		}

		@Override
		public Object list() {
			return Driver.pages(c.listPropertiesOfKeys(), KeyProperties::getName);
		}

		@Override
		public List<String> versions(String name) {
			return c.listPropertiesOfKeyVersions(name).stream().map(KeyProperties::getVersion).toList();
		}

		@Override
		public Object deleted() {
			return Driver.pages(c.listDeletedKeys(), DeletedKey::getName);
		}

		@Override
		public byte[] backup(String name) {
			return c.backupKey(name);
		}

		@Override
		public String restore(byte[] blob) {
			return c.restoreKeyBackup(blob).getName();
		}

		@Override
		public void delete(String name) {
			Stores.wait(c.beginDeleteKey(name));
		}

		@Override
		public void recover(String name) {
			Stores.wait(c.beginRecoverDeletedKey(name));
		}

		@Override
		public void purge(String name) {
			c.purgeDeletedKey(name);
		}

		@Override
		public Object other(String op, JsonNode r) {
			String name = Driver.text(r, "name");
			boolean isHsm = r.path("hsm").asBoolean();

			if (op.equals("import_key")) {
				importKey(name, r.get("jwk"), isHsm);
			} else if (Driver.text(r, "kty").equals("RSA")) {
				CreateRsaKeyOptions o = new CreateRsaKeyOptions(name).setHardwareProtected(isHsm);
				c.createRsaKey(o.setKeySize(r.get("size").asInt()).setTags(Driver.tags(r)));
			} else {
				CreateEcKeyOptions o = new CreateEcKeyOptions(name).setHardwareProtected(isHsm);
				c.createEcKey(o.setCurveName(KeyCurveName.fromString(Driver.text(r, "curve"))).setTags(Driver.tags(r)));
			}
			return null;
		}

		private void importKey(String name, JsonNode jwk, boolean isHsm) {
			JsonWebKey j = new JsonWebKey().setKeyType(KeyType.fromString(Driver.text(jwk, "kty")));
			j.setN(bytes(jwk, "n")).setE(bytes(jwk, "e")).setD(bytes(jwk, "d")).setP(bytes(jwk, "p"));
			j.setQ(bytes(jwk, "q")).setDp(bytes(jwk, "dp")).setDq(bytes(jwk, "dq")).setQi(bytes(jwk, "qi"));
			c.importKey(new ImportKeyOptions(name, j).setHardwareProtected(isHsm));
		}

		private static byte[] bytes(JsonNode jwk, String member) {
			return Base64.getUrlDecoder().decode(Driver.text(jwk, member));
		}
	}

	static final class Secrets implements Driver.Store {
		private final SecretClient c;

		Secrets(SecretClient c) {
			this.c = c;
		}

		@Override
		public Object get(String name, String version) {
			KeyVaultSecret s = c.getSecret(name, version);
			SecretProperties p = s.getProperties();
			Map<String, Object> m =
			    common(p.getVersion(), p.isEnabled(), p.getTags(), p.getCreatedOn(), p.getUpdatedOn());
			m.put("value", s.getValue());
			m.put("content_type", p.getContentType());
			return m;
		}

		@Override
		public Object list() {
			return Driver.pages(c.listPropertiesOfSecrets(), SecretProperties::getName);
		}

		@Override
		public List<String> versions(String name) {
			return c.listPropertiesOfSecretVersions(name).stream().map(SecretProperties::getVersion).toList();
		}

		@Override
		public Object deleted() {
			return Driver.pages(c.listDeletedSecrets(), DeletedSecret::getName);
		}

		@Override
		public byte[] backup(String name) {
			return c.backupSecret(name);
		}

		@Override
		public String restore(byte[] blob) {
			return c.restoreSecretBackup(blob).getName();
		}

		@Override
		public void delete(String name) {
			Stores.wait(c.beginDeleteSecret(name));
		}

		@Override
		public void recover(String name) {
			Stores.wait(c.beginRecoverDeletedSecret(name));
		}

		@Override
		public void purge(String name) {
			c.purgeDeletedSecret(name);
		}

		@Override
		public Object other(String op, JsonNode r) {
			KeyVaultSecret s = new KeyVaultSecret(Driver.text(r, "name"), Driver.text(r, "value"));

			s.getProperties().setContentType(Driver.text(r, "content_type")).setTags(Driver.tags(r));
			c.setSecret(s);
			return null;
		}
	}

	static final class Certificates implements Driver.Store {
		private final CertificateClient c;

		Certificates(CertificateClient c) {
			this.c = c;
		}

		@Override
		public Object get(String name, String version) {
			KeyVaultCertificate k = version == null ? c.getCertificate(name) : c.getCertificateVersion(name, version);
			CertificateProperties p = k.getProperties();
			Map<String, Object> m =
			    common(p.getVersion(), p.isEnabled(), p.getTags(), p.getCreatedOn(), p.getUpdatedOn());
			m.put("cer", k.getCer());
			m.put("thumbprint", HexFormat.of().formatHex(p.getX509Thumbprint()));
			return m;
		}

		@Override
		public Object list() {
			return Driver.pages(c.listPropertiesOfCertificates(), CertificateProperties::getName);
		}

		@Override
		public List<String> versions(String name) {
			return c.listPropertiesOfCertificateVersions(name).stream().map(CertificateProperties::getVersion).toList();
		}

		@Override
		public Object deleted() {
			return Driver.pages(c.listDeletedCertificates(), DeletedCertificate::getName);
		}

		@Override
		public byte[] backup(String name) {
			return c.backupCertificate(name);
		}

		@Override
		public String restore(byte[] blob) {
			return c.restoreCertificateBackup(blob).getName();
		}

		@Override
		public void delete(String name) {
			Stores.wait(c.beginDeleteCertificate(name));
		}

		@Override
		public void recover(String name) {
			Stores.wait(c.beginRecoverDeletedCertificate(name));
		}

		@Override
		public void purge(String name) {
			c.purgeDeletedCertificate(name);
		}

		@Override
		public Object other(String op, JsonNode r) {
			String name = Driver.text(r, "name");

			switch (op) {
			case "create_certificate":
				Stores.wait(c.beginCreateCertificate(name, new CertificatePolicy("Self", Driver.text(r, "subject"))));
				return null;
			case "import_certificate":
				c.importCertificate(new ImportCertificateOptions(name, Base64.getDecoder().decode(Driver.text(r, "pfx")))
				    .setPassword(Driver.text(r, "password")));
				return null;
			case "contacts":
				return contacts(Driver.text(r, "what"), r);
			default:
				return issuers(Driver.text(r, "what"), name, r);
			}
		}

		private Object contacts(String what, JsonNode r) {
			List<CertificateContact> wish = new ArrayList<>();
			List<Object> found = new ArrayList<>();

			for (JsonNode v : r.path("values"))
				wish.add(new CertificateContact().setEmail(Driver.text(v, "email")).setName(Driver.text(v, "name"))
				    .setPhone(Driver.text(v, "phone")));
			for (CertificateContact k : what.equals("set") ? c.setContacts(wish) :
			    what.equals("get") ? c.listContacts() : c.deleteContacts())
				found.add(Map.of("email", k.getEmail(), "name", k.getName(), "phone", k.getPhone()));
			return found;
		}

		private Object issuers(String what, String name, JsonNode r) {
			CertificateIssuer i;

			if (what.equals("list"))
				return c.listPropertiesOfIssuers().stream().map(p -> List.of(p.getName(), p.getProvider())).toList();
			if (what.equals("set"))
				i = c.createIssuer(
				    new CertificateIssuer(name, Driver.text(r, "provider")).setAccountId(Driver.text(r, "account")));
			else
				i = what.equals("get") ? c.getIssuer(name) : c.deleteIssuer(name);
			return Map.of("name", i.getName(), "provider", i.getProvider(), "account", i.getAccountId(), "enabled",
			    i.isEnabled());
		}
	}

	private Stores() { }
}

// Does with the Azure SDK for JavaScript what each line of its input asks for. tests/interop/driver.py has the requests.
import * as readline from "node:readline";
import {
	AzureCliCredential, ClientCertificateCredential, ClientSecretCredential, DefaultAzureCredential,
	ManagedIdentityCredential, WorkloadIdentityCredential,
} from "@azure/identity";
import { CertificateClient } from "@azure/keyvault-certificates";
import { KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";

const clients = {};
let credential;

const options = { authorityHost: process.env.AZURE_AUTHORITY_HOST, disableInstanceDiscovery: true };
const credentials = {
	secret: (c) => new ClientSecretCredential(c.tenant, c.client_id, c.secret, options),
	certificate: (c) => new ClientCertificateCredential(c.tenant, c.client_id, { certificatePath: c.path },
		{ ...options, sendCertificateChain: c.chain }),
	workload: (c) => new WorkloadIdentityCredential(
		{ ...options, tenantId: c.tenant, clientId: c.client_id, tokenFilePath: c.path }),
	managed: (c) => new ManagedIdentityCredential(c.client_id ? { clientId: c.client_id } : {}),
	cli: () => new AzureCliCredential(),
	default: () => new DefaultAzureCredential(options),
};

const names = { keys: "Key", secrets: "Secret", certificates: "Certificate" };
const method = (kind, verb) => {
	const client = clients[kind];
	return client[verb.replace("%s", names[kind] + "s").replace("%", names[kind])].bind(client);
};

const b64 = (bytes) => (bytes?.length ? Buffer.from(bytes).toString("base64") : null);
const bytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

async function listing(iterator, page) {
	const found = { names: [], pages: [] };

	for await (const items of iterator.byPage(page ? { maxPageSize: page } : {})) {
		found.names.push(...items.map((p) => p.name ?? p.properties.name));
		found.pages.push(items.length);
	}
	return found;
}

function common(p) {
	return {
		version: p.version, enabled: p.enabled, tags: p.tags ?? {}, created: Math.floor(p.createdOn / 1000),
		updated: Math.floor(p.updatedOn / 1000),
	};
}

async function describe({ kind, name, version }) {
	if (kind === "keys") {
		const k = await clients.keys.getKey(name, { version });
		const { key } = k;
		return {
			...common(k.properties), kty: key.kty, ops: [...k.keyOperations].sort(),
			n: b64(key.n), e: b64(key.e), x: b64(key.x), y: b64(key.y),
		};
	}
	if (kind === "secrets") {
		const s = await clients.secrets.getSecret(name, { version });
		return { ...common(s.properties), value: s.value, content_type: s.properties.contentType ?? null };
	}
	const c = version ? await clients.certificates.getCertificateVersion(name, version) :
		await clients.certificates.getCertificate(name);
	return {
		...common(c.properties), cer: b64(c.cer),
		thumbprint: Buffer.from(c.properties.x509Thumbprint).toString("hex"),
	};
}

const poll = { intervalInMs: 100 };
// The SDK takes the second segment of an issuer's path for its name.
const issuer = (i) => ({ name: i.id.split("/").pop(), provider: i.provider ?? i.properties.provider,
	account: i.accountId, enabled: i.enabled });
const contact = (c) => ({ email: c.email, name: c.name, phone: c.phone });

const issuers = {
	list: async () => {
		const found = [];
		for await (const p of clients.certificates.listPropertiesOfIssuers())
			found.push([p.id.split("/").pop(), p.provider]);
		return found;
	},
	set: async (r) => issuer(await clients.certificates.createIssuer(r.name, r.provider, { accountId: r.account })),
	get: async (r) => issuer(await clients.certificates.getIssuer(r.name)),
	delete: async (r) => issuer(await clients.certificates.deleteIssuer(r.name)),
};

const contacts = {
	set: (r) => clients.certificates.setContacts(r.values),
	get: () => clients.certificates.getContacts(),
	delete: () => clients.certificates.deleteContacts(),
};

const operations = {
	open: async (r) => {
		const made = { keys: KeyClient, secrets: SecretClient, certificates: CertificateClient };
		credential = credentials[r.credential_of.kind](r.credential_of);
		for (const kind of r.only ?? Object.keys(made))
			clients[kind] = new made[kind](r.url, credential);
	},
	token: async (r) => (await credential.getToken(r.resource + "/.default")).token,
	get: describe,
	create_key: (r) => (r.kty === "RSA" ? clients.keys.createRsaKey(r.name, { keySize: r.size, tags: r.tags, hsm: r.hsm }) :
		clients.keys.createEcKey(r.name, { curve: r.curve, tags: r.tags, hsm: r.hsm })).then(() => null),
	import_key: async (r) => {
		const jwk = { kty: r.jwk.kty };
		for (const [k, v] of Object.entries(r.jwk))
			if (k !== "kty")
				jwk[k] = new Uint8Array(Buffer.from(v, "base64url"));
		await clients.keys.importKey(r.name, jwk, { hardwareProtected: r.hsm });
	},
	set_secret: async (r) => {
		await clients.secrets.setSecret(r.name, r.value, { contentType: r.content_type, tags: r.tags });
	},
	create_certificate: async (r) => {
		const policy = { issuerName: "Self", subject: r.subject };
		await (await clients.certificates.beginCreateCertificate(r.name, policy, poll)).pollUntilDone();
	},
	import_certificate: async (r) => {
		await clients.certificates.importCertificate(r.name, bytes(r.pfx), { password: r.password });
	},
	list: (r) => listing(method(r.kind, "listPropertiesOf%s")(), r.page),
	versions: async (r) => {
		const found = [];
		for await (const p of method(r.kind, "listPropertiesOf%Versions")(r.name))
			found.push(p.version);
		return found;
	},
	deleted: (r) => listing(method(r.kind, "listDeleted%s")()),
	backup: async (r) => b64(await method(r.kind, "backup%")(r.name)),
	restore: async (r) => {
		const restored = await method(r.kind, "restore%Backup")(bytes(r.blob));
		return restored.name;
	},
	delete: async (r) => {
		await (await method(r.kind, "beginDelete%")(r.name, poll)).pollUntilDone();
	},
	recover: async (r) => {
		await (await method(r.kind, "beginRecoverDeleted%")(r.name, poll)).pollUntilDone();
	},
	purge: async (r) => {
		await method(r.kind, "purgeDeleted%")(r.name);
	},
	contacts: async (r) => (await contacts[r.what](r) ?? []).map(contact),
	issuers: (r) => issuers[r.what](r),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
	const request = JSON.parse(line);
	let answer;

	try {
		answer = { ok: (await operations[request.op](request)) ?? null };
	} catch (e) {
		answer = { error: String(e.message), status: e.statusCode ?? null, code: e.code ?? null };
	}
	process.stdout.write(JSON.stringify(answer) + "\n");
}

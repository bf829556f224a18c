// Does with the Azure SDK for Java what each line of its input asks for. tests/interop/driver.py has the requests.
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.core.exception.AzureException;
import com.azure.core.exception.HttpResponseException;
import com.azure.core.http.rest.PagedIterable;
import com.azure.core.http.rest.PagedResponse;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

public final class Driver {
	private static final ObjectMapper JSON = new ObjectMapper();
	private static final Map<String, Store> STORES = new HashMap<>();
	private static TokenCredential credential;

	/** What keys, secrets and certificates have in common. */
	interface Store {
		Object get(String name, String version);
		Object list();
		List<String> versions(String name);
		Object deleted();
		byte[] backup(String name);
		String restore(byte[] blob);
		void delete(String name);
		void recover(String name);
		void purge(String name);
		/** Any other request, for this kind alone. */
		Object other(String op, JsonNode request);
	}

	static String text(JsonNode request, String member) {
		return request.hasNonNull(member) ? request.get(member).textValue() : null;
	}

	static Map<String, String> tags(JsonNode request) {
		return request.hasNonNull("tags") ? JSON.convertValue(request.get("tags"), Map.class) : null;
	}

	static <T> Object pages(PagedIterable<T> iterable, Function<T, String> name) {
		List<String> names = new ArrayList<>();
		List<Integer> sizes = new ArrayList<>();

		for (PagedResponse<T> page : iterable.iterableByPage()) {
			page.getValue().forEach(item -> names.add(name.apply(item)));
			sizes.add(page.getValue().size());
		}
		return Map.of("names", names, "pages", sizes);
	}

	private static void open(JsonNode request) {
		List<String> kinds = List.of("keys", "secrets", "certificates");

		credential = Credentials.make(request.get("credential_of"));
		if (request.hasNonNull("only"))
			kinds = JSON.convertValue(request.get("only"), List.class);
		for (String kind : kinds)
			STORES.put(kind, Stores.open(kind, text(request, "url"), credential));
	}

	private static Object operate(JsonNode request) {
		String op = text(request, "op"), kind = text(request, "kind"), name = text(request, "name");
		Store store = STORES.get(kind);

		switch (op) {
		case "open":
			open(request);
			return null;
		case "token":
			TokenRequestContext context = new TokenRequestContext();
			return credential.getTokenSync(context.addScopes(text(request, "resource") + "/.default")).getToken();
		case "get":
			return store.get(name, text(request, "version"));
		case "list":
			return store.list();
		case "versions":
			return store.versions(name);
		case "deleted":
			return store.deleted();
		case "backup":
			return store.backup(name);
		case "restore":
			return store.restore(java.util.Base64.getDecoder().decode(text(request, "blob")));
		case "delete":
			store.delete(name);
			return null;
		case "recover":
			store.recover(name);
			return null;
		case "purge":
			store.purge(name);
			return null;
		default:
			return STORES.get(op.endsWith("key") ? "keys" : op.endsWith("secret") ? "secrets" : "certificates")
			    .other(op, request);
		}
	}

	private static Map<String, Object> answer(String line) throws Exception {
		Map<String, Object> answer = new HashMap<>();

		try {
			answer.put("ok", operate(JSON.readTree(line)));
		} catch (HttpResponseException e) {
			Object code = e.getValue();
			answer.put("error", e.getMessage());
			answer.put("status", e.getResponse() == null ? null : e.getResponse().getStatusCode());
			answer.put("code", code == null ? null : Stores.code(code));
		} catch (AzureException | IllegalArgumentException | IllegalStateException e) {
			answer.put("error", String.valueOf(e.getMessage()));
			answer.put("status", null);
		} catch (RuntimeException e) {
			answer.put("error", e.toString());
			answer.put("status", null);
		}
		return answer;
	}

	public static void main(String[] arguments) throws Exception {
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
		String line;

		while ((line = in.readLine()) != null) {
			System.out.println(JSON.writeValueAsString(answer(line)));
			System.out.flush();
		}
		System.exit(0);
	}
}

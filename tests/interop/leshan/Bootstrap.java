// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Bootstrap server made of Eclipse Leshan's, with one device by pre-shared key. It gives it one account, at short server
// id 101, for 300 seconds.
// Arguments: port, endpoint name (both keys' identity as well), key that it comes with, the account's URI and key; keys in
// hexadecimal.
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eclipse.leshan.core.SecurityMode;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.bootstrap.BootstrapConfig;
import org.eclipse.leshan.server.bootstrap.InMemoryBootstrapConfigStore;
import org.eclipse.leshan.server.californium.bootstrap.LeshanBootstrapServerBuilder;
import org.eclipse.leshan.server.security.BootstrapSecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

public class Bootstrap implements BootstrapSecurityStore {
	private static final int SHORT_SERVER_ID = 101;
	private final SecurityInfo device;

	private Bootstrap(SecurityInfo device) {
		this.device = device;
	}

	@Override
	public SecurityInfo getByIdentity(String identity) {
		return identity.equals(device.getIdentity()) ? device : null;
	}

	@Override
	public List<SecurityInfo> getAllByEndpoint(String endpoint) {
		return endpoint.equals(device.getEndpoint()) ? List.of(device) : List.of();
	}

	private static BootstrapConfig account(String identity, String uri, byte[] key) {
		BootstrapConfig config = new BootstrapConfig();
		BootstrapConfig.ServerSecurity security = new BootstrapConfig.ServerSecurity();
		BootstrapConfig.ServerConfig server = new BootstrapConfig.ServerConfig();
		security.uri = uri;
		security.bootstrapServer = false;
		security.securityMode = SecurityMode.PSK;
		security.publicKeyOrId = identity.getBytes(StandardCharsets.UTF_8);
		security.secretKey = key;
		security.serverId = server.shortId = SHORT_SERVER_ID;
		server.lifetime = 300;
		config.toDelete = List.of("/0", "/1");
		config.security.put(1, security);
		config.servers.put(1, server);
		return config;
	}

	public static void main(String[] arguments) throws Exception {
		String endpoint = arguments[1];
		byte[] comes = Hex.decodeHex(arguments[2].toCharArray()), goes = Hex.decodeHex(arguments[4].toCharArray());
		InMemoryBootstrapConfigStore accounts = new InMemoryBootstrapConfigStore();
		accounts.add(endpoint, account(endpoint, arguments[3], goes));
		LeshanBootstrapServerBuilder builder = new LeshanBootstrapServerBuilder();
		builder.setLocalAddress("127.0.0.1", 0);
		builder.setLocalSecureAddress("127.0.0.1", Integer.parseInt(arguments[0]));
		builder.setConfigStore(accounts);
		builder.setSecurityStore(new Bootstrap(SecurityInfo.newPreSharedKeyInfo(endpoint, endpoint, comes)));
		builder.build().start();
		System.out.println("ready");
	}
}

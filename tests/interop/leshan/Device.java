// SPDX-License-Identifier: GPL-3.0-or-later
//
// A device made of Eclipse Leshan's client: Security, Server, Device, Firmware, and Temperature whose instances come and
// go.
// Arguments: URI of the server, endpoint name, folder of object definitions; with identity and key in hexadecimal behind
// them the server is a Bootstrap server.
import java.io.FileInputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.eclipse.leshan.client.californium.LeshanClient;
import org.eclipse.leshan.client.californium.LeshanClientBuilder;
import org.eclipse.leshan.client.object.Security;
import org.eclipse.leshan.client.object.Server;
import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.resource.DummyInstanceEnabler;
import org.eclipse.leshan.client.resource.ObjectsInitializer;
import org.eclipse.leshan.client.servers.ServerIdentity;
import org.eclipse.leshan.core.model.LwM2mModel;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.StaticModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.request.BindingMode;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;
import org.eclipse.leshan.core.util.Hex;

public class Device extends BaseInstanceEnabler {
	private String timezone = "Europe/Berlin", version = "1.0.0";

	void runs(String version) {
		this.version = version;
	}

	@Override
	public ReadResponse read(ServerIdentity identity, int resource) {
		switch (resource) {
		case 0:
			return ReadResponse.success(resource, "Leshan");
		case 3:
			return ReadResponse.success(resource, version);
		case 9:
			return ReadResponse.success(resource, 77);
		case 15:
			return ReadResponse.success(resource, timezone);
		default:
			return super.read(identity, resource);
		}
	}

	@Override
	public WriteResponse write(ServerIdentity identity, int resource, LwM2mResource value) {
		if (resource != 15)
			return super.write(identity, resource, value);
		timezone = (String) value.getValue();
		fireResourcesChange(resource);
		return WriteResponse.success();
	}

	@Override
	public ExecuteResponse execute(ServerIdentity identity, int resource, String arguments) {
		System.out.println("executed " + resource + " " + arguments);
		return ExecuteResponse.success();
	}

	@Override
	public List<Integer> getAvailableResourceIds(ObjectModel model) {
		return List.of(0, 3, 4, 9, 15);
	}

	public static void main(String[] arguments) throws Exception {
		List<ObjectModel> models = ObjectLoader.loadDefault();
		models.addAll(ObjectLoader.loadDdfFile(new FileInputStream(arguments[2] + "/3303-1_0.xml"), "3303-1_0.xml"));
		LwM2mModel model = new StaticModel(models);
		ObjectsInitializer objects = new ObjectsInitializer(model);
		if (arguments.length > 3) {
			byte[] identity = arguments[3].getBytes(StandardCharsets.UTF_8), key = Hex.decodeHex(arguments[4].toCharArray());
			objects.setInstancesForObject(0, Security.pskBootstrap(arguments[0], identity, key));
			objects.setClassForObject(1, Server.class);
		} else {
			objects.setInstancesForObject(0, Security.noSec(arguments[0], 1));
			objects.setInstancesForObject(1, new Server(1, 300, BindingMode.U, false));
		}
		Device device = new Device();
		objects.setInstancesForObject(3, device);
		Firmware firmware = new Firmware();
		firmware.device = device;
		objects.setInstancesForObject(5, firmware);
		objects.setInstancesForObject(3303, new DummyInstanceEnabler(0));
		objects.setClassForObject(3303, DummyInstanceEnabler.class);
		LeshanClientBuilder builder = new LeshanClientBuilder(arguments[1]);
		builder.setLocalAddress("127.0.0.1", 0);
		builder.setObjects(objects.create(0, 1, 3, 5, 3303));
		LeshanClient client = builder.build();
		client.start();
	}
}

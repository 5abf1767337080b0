// SPDX-License-Identifier: GPL-3.0-or-later
//
// Object 5 of a device that only takes pushes, in a package format of its own: whatever is written is an image.
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.eclipse.leshan.client.resource.BaseInstanceEnabler;
import org.eclipse.leshan.client.servers.ServerIdentity;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.response.ExecuteResponse;
import org.eclipse.leshan.core.response.ReadResponse;
import org.eclipse.leshan.core.response.WriteResponse;

public class Firmware extends BaseInstanceEnabler {
	private static final int IDLE = 0, DOWNLOADED = 2, BY_PUSH = 1, SUCCESS = 1;
	private int state = IDLE, result = 0;
	Device device;

	@Override
	public ReadResponse read(ServerIdentity identity, int resource) {
		switch (resource) {
		case 3:
			return ReadResponse.success(resource, state);
		case 5:
			return ReadResponse.success(resource, result);
		case 9:
			return ReadResponse.success(resource, BY_PUSH);
		default:
			return super.read(identity, resource);
		}
	}

	@Override
	public WriteResponse write(ServerIdentity identity, int resource, LwM2mResource value) {
		if (resource != 0)
			return super.write(identity, resource, value);
		byte[] image = (byte[]) value.getValue();
		System.out.println("pushed " + image.length + " " + digest(image));
		become(image.length > 1 ? DOWNLOADED : IDLE, 0);
		return WriteResponse.success();
	}

	@Override
	public ExecuteResponse execute(ServerIdentity identity, int resource, String arguments) {
		if (resource != 2 || state != DOWNLOADED)
			return ExecuteResponse.methodNotAllowed();
		device.runs("2.0.0");
		become(IDLE, SUCCESS);
		return ExecuteResponse.success();
	}

	@Override
	public List<Integer> getAvailableResourceIds(ObjectModel model) {
		return List.of(0, 2, 3, 5, 9);
	}

	private void become(int state, int result) {
		this.state = state;
		this.result = result;
		fireResourcesChange(3, 5);
	}

	private static String digest(byte[] bytes) {
		try {
			return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
		} catch (Exception e) {
			throw new IllegalStateException(e);
		}
	}
}

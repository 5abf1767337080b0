// SPDX-License-Identifier: GPL-3.0-or-later
//
// A server made of Eclipse Leshan's, with one device by pre-shared key. It does what standard input says, a command a line,
// and tells what came of it on standard output.
// Arguments: port, endpoint name (the key's identity as well), key in hexadecimal, folder of object definitions.
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.eclipse.leshan.core.attributes.AttributeSet;
import org.eclipse.leshan.core.model.ObjectLoader;
import org.eclipse.leshan.core.model.ObjectModel;
import org.eclipse.leshan.core.model.ResourceModel.Type;
import org.eclipse.leshan.core.node.LwM2mNode;
import org.eclipse.leshan.core.node.LwM2mObjectInstance;
import org.eclipse.leshan.core.node.LwM2mPath;
import org.eclipse.leshan.core.node.LwM2mResource;
import org.eclipse.leshan.core.node.LwM2mSingleResource;
import org.eclipse.leshan.core.observation.Observation;
import org.eclipse.leshan.core.request.*;
import org.eclipse.leshan.core.response.*;
import org.eclipse.leshan.core.util.Hex;
import org.eclipse.leshan.server.californium.LeshanServer;
import org.eclipse.leshan.server.californium.LeshanServerBuilder;
import org.eclipse.leshan.server.model.VersionedModelProvider;
import org.eclipse.leshan.server.observation.ObservationListener;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.registration.RegistrationListener;
import org.eclipse.leshan.server.registration.RegistrationUpdate;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

public class Server implements RegistrationListener, ObservationListener {
	private static final long TIMEOUT_MS = 20000;
	private final LeshanServer leshan;
	private volatile Registration device;

	private Server(LeshanServer leshan) {
		this.leshan = leshan;
		leshan.getRegistrationService().addListener(this);
		leshan.getObservationService().addListener(this);
	}

	private static synchronized void say(String line) {
		System.out.println(line.replace('\n', ' '));
		System.out.flush();
	}

	// ---- what the device does by itself ----

	@Override
	public void registered(Registration now, Registration before, Collection<Observation> observations) {
		device = now;
		say("registered " + now.getEndpoint() + " lifetime " + now.getLifeTimeInSec());
	}

	@Override
	public void updated(RegistrationUpdate update, Registration now, Registration before) {
		device = now;
		say("updated lifetime " + now.getLifeTimeInSec());
	}

	@Override
	public void unregistered(Registration before, Collection<Observation> observations, boolean expired, Registration now) {
		say(expired ? "expired" : "deregistered");
	}

	@Override
	public void newObservation(Observation observation, Registration registration) {
	}

	@Override
	public void cancelled(Observation observation) {
		say("cancelled " + observation.getPath());
	}

	@Override
	public void onResponse(Observation observation, Registration registration, ObserveResponse response) {
		say("notified " + observation.getPath() + " " + response.getContent());
	}

	@Override
	public void onError(Observation observation, Registration registration, Exception error) {
		say("notified " + observation.getPath() + " wrongly: " + error);
	}

	// ---- what it is asked ----

	// "3=integer:17" as a resource.
	private static LwM2mSingleResource resource(String text) {
		int equals = text.indexOf('='), colon = text.indexOf(':', equals);
		int id = Integer.parseInt(text.substring(0, equals));
		Type type = Type.valueOf(text.substring(equals + 1, colon).toUpperCase());
		String value = text.substring(colon + 1);
		switch (type) {
		case INTEGER:
			return LwM2mSingleResource.newIntegerResource(id, Long.parseLong(value));
		case BOOLEAN:
			return LwM2mSingleResource.newBooleanResource(id, Boolean.parseBoolean(value));
		case OPAQUE:
			return LwM2mSingleResource.newBinaryResource(id, Hex.decodeHex(value.toCharArray()));
		default:
			return LwM2mSingleResource.newStringResource(id, value);
		}
	}

	private static List<LwM2mResource> resources(String[] words, int from) {
		List<LwM2mResource> list = new ArrayList<>();
		for (int i = from; i < words.length; i++)
			list.add(resource(words[i]));
		return list;
	}

	private static LwM2mNode node(String path, String[] words) {
		if (new LwM2mPath(path).isResource())
			return resource(words[3]);
		return new LwM2mObjectInstance(new LwM2mPath(path).getObjectInstanceId(), resources(words, 3));
	}

	private static WriteRequest write(WriteRequest.Mode mode, String[] words) {
		return new WriteRequest(mode, ContentFormat.fromName(words[1].toUpperCase()), words[2], node(words[2], words));
	}

	private static ContentFormat format(String name) {
		return name.equals("any") ? null : ContentFormat.fromName(name.toUpperCase());
	}

	private DownlinkRequest<?> request(String[] words) {
		switch (words[0]) {
		case "read":
			return new ReadRequest(format(words[1]), words[2]);
		case "observe":
			return new ObserveRequest(format(words[1]), words[2]);
		case "write":
			return write(WriteRequest.Mode.REPLACE, words);
		case "update":
			return write(WriteRequest.Mode.UPDATE, words);
		case "execute":
			return new ExecuteRequest(words[1], words.length > 2 ? words[2] : null);
		case "discover":
			return new DiscoverRequest(words[1]);
		case "attributes":
			return new WriteAttributesRequest(words[1], AttributeSet.parse(words[2]));
		case "create":
			return new CreateRequest(format(words[1]), words[2], resources(words, 3));
		case "delete":
			return new DeleteRequest(words[1]);
		default:
			throw new IllegalArgumentException(words[0]);
		}
	}

	private static String content(LwM2mResponse response) {
		if (response instanceof ReadResponse)
			return String.valueOf(((ReadResponse)response).getContent());
		if (response instanceof DiscoverResponse)
			return java.util.Arrays.toString(((DiscoverResponse)response).getObjectLinks());
		if (response instanceof CreateResponse)
			return String.valueOf(((CreateResponse)response).getLocation());
		return "";
	}

	private void obey(String[] words) throws Exception {
		if (words[0].equals("cancel")) {
			leshan.getObservationService().cancelObservations(device, words[1]);
			say("answer cancelled");
			return;
		}
		LwM2mResponse response = leshan.send(device, request(words), TIMEOUT_MS);
		if (response == null)
			say("answer none");
		else
			say("answer " + response.getCode().getCode() + " " + content(response) + " " + response.getErrorMessage());
	}

	public static void main(String[] arguments) throws Exception {
		List<ObjectModel> models = new ArrayList<>(ObjectLoader.loadDefault());
		models.addAll(ObjectLoader.loadObjectsFromDir(new File(arguments[3])));
		InMemorySecurityStore keys = new InMemorySecurityStore();
		keys.add(SecurityInfo.newPreSharedKeyInfo(arguments[1], arguments[1], Hex.decodeHex(arguments[2].toCharArray())));
		LeshanServerBuilder builder = new LeshanServerBuilder();
		builder.disableUnsecuredEndpoint();
		builder.setLocalSecureAddress("127.0.0.1", Integer.parseInt(arguments[0]));
		builder.setSecurityStore(keys);
		builder.setObjectModelProvider(new VersionedModelProvider(models));
		Server server = new Server(builder.build());
		server.leshan.start();
		say("ready");
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			try {
				server.obey(line.trim().split(" "));
			} catch (Exception e) {
				say("answer failed " + e);
			}
		}
		server.leshan.destroy();
	}
}

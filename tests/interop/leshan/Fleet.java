// SPDX-License-Identifier: GPL-3.0-or-later
//
// A server made of Eclipse Leshan's for a fleet (bench/lwm2m-fleet): device n is "d<n>", and its pre-shared key four times
// n in 32 bits. Commands come on standard input, and each is answered by one line:
//
//     count         how many are registered
//     read PATH N   reads the path of each, N at a time
//
// Arguments: port, devices.
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Iterator;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.leshan.core.request.ReadRequest;
import org.eclipse.leshan.server.californium.LeshanServer;
import org.eclipse.leshan.server.californium.LeshanServerBuilder;
import org.eclipse.leshan.server.registration.Registration;
import org.eclipse.leshan.server.security.InMemorySecurityStore;
import org.eclipse.leshan.server.security.SecurityInfo;

public class Fleet {
	private static final long TIMEOUT_MS = 20000;

	private static byte[] key(int n) {
		return ByteBuffer.allocate(16).putInt(n).putInt(n).putInt(n).putInt(n).array();
	}

	private static int count(LeshanServer leshan) {
		int n = 0;
		for (Iterator<Registration> all = leshan.getRegistrationService().getAllRegistrations(); all.hasNext(); all.next())
			n++;
		return n;
	}

	private static String read(LeshanServer leshan, int devices, String path, int atOnce) throws InterruptedException {
		Semaphore places = new Semaphore(atOnce);
		AtomicInteger good = new AtomicInteger(), next = new AtomicInteger();
		long[] took = new long[devices];
		long begin = System.nanoTime();
		for (int n = 0; n < devices; n++) {
			Registration device = leshan.getRegistrationService().getByEndpoint("d" + n);
			if (device == null)
				continue;
			places.acquire();
			long asked = System.nanoTime();
			leshan.send(device, new ReadRequest(path), TIMEOUT_MS, answer -> {
				if (answer.isSuccess()) {
					good.incrementAndGet();
					took[next.getAndIncrement()] = System.nanoTime() - asked;
				}
				places.release();
			}, problem -> places.release());
		}
		places.acquire(atOnce);
		long all = System.nanoTime() - begin;
		int many = next.get();
		Arrays.sort(took, 0, many);
		return String.format("good=%d us=%d p50=%d p99=%d", good.get(), all / 1000, many == 0 ? 0 : took[many / 2] / 1000,
			many == 0 ? 0 : took[many * 99 / 100] / 1000);
	}

	public static void main(String[] arguments) throws Exception {
		int devices = Integer.parseInt(arguments[1]);
		InMemorySecurityStore keys = new InMemorySecurityStore();
		for (int n = 0; n < devices; n++)
			keys.add(SecurityInfo.newPreSharedKeyInfo("d" + n, "d" + n, key(n)));
		LeshanServerBuilder builder = new LeshanServerBuilder();
		builder.disableUnsecuredEndpoint();
		builder.setLocalSecureAddress("127.0.0.1", Integer.parseInt(arguments[0]));
		builder.setSecurityStore(keys);
		LeshanServer leshan = builder.build();
		leshan.start();
		System.out.println("ready");
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line = in.readLine(); line != null; line = in.readLine()) {
			String[] words = line.trim().split(" ");
			System.out.println(words[0].equals("count") ? "count=" + count(leshan)
				: read(leshan, devices, words[1], Integer.parseInt(words[2])));
			System.out.flush();
		}
		leshan.destroy();
	}
}

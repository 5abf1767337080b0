// SPDX-License-Identifier: GPL-3.0-or-later
//
// Californium as a peer: "Peer server PORT" for our client, "Peer client PORT LOSSY_PORT STRICT_PORT" for our server.
// The client prints one line for each case. On the strict port our server gives strangers little and asks for an Echo
// (RFC 9175).

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapHandler;
import org.eclipse.californium.core.CoapObserveRelation;
import org.eclipse.californium.core.CoapResource;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.CoAP.Code;
import org.eclipse.californium.core.coap.CoAP.ResponseCode;
import org.eclipse.californium.core.coap.Option;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.coap.option.OpaqueOptionDefinition;
import org.eclipse.californium.core.config.CoapConfig;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.config.Configuration;

public class Peer {
    static final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor(run -> {
        Thread thread = new Thread(run);
        thread.setDaemon(true);
        return thread;
    });

    static Configuration configuration(int blockSize) {
        CoapConfig.register();
        Configuration configuration = Configuration.createStandardWithoutFile();
        configuration.set(CoapConfig.PREFERRED_BLOCK_SIZE, blockSize);
        configuration.set(CoapConfig.MAX_MESSAGE_SIZE, Math.max(blockSize, 16));
        configuration.set(CoapConfig.MAX_RETRANSMIT, 6);
        configuration.set(CoapConfig.MAX_RESOURCE_BODY_SIZE, 65536);
        return configuration;
    }

    static byte[] pattern(int size) {
        byte[] body = new byte[size];
        for (int i = 0; i < size; i++) body[i] = (byte) (33 + (i * 7 + (i >> 6)) % 90);
        return body;
    }

    // ---- the server ----

    static class Value extends CoapResource {
        final byte[] first;
        byte[] value;

        Value(String name, byte[] first) {
            super(name);
            this.first = value = first;
        }

        @Override public void handleGET(CoapExchange exchange) {
            exchange.respond(ResponseCode.CONTENT, value);
        }

        @Override public void handlePUT(CoapExchange exchange) {
            value = exchange.getRequestPayload();
            exchange.respond(ResponseCode.CHANGED);
        }

        @Override public void handlePOST(CoapExchange exchange) {
            exchange.respond(ResponseCode.CREATED);
        }

        @Override public void handleDELETE(CoapExchange exchange) {
            value = first;
            exchange.respond(ResponseCode.DELETED);
        }
    }

    static class Echo extends CoapResource {
        Echo() {
            super("echo");
        }

        @Override public void handleFETCH(CoapExchange exchange) {
            exchange.respond(ResponseCode.CONTENT, exchange.getRequestPayload());
        }

        @Override public void handlePOST(CoapExchange exchange) {
            exchange.respond(ResponseCode.CHANGED, exchange.getRequestPayload());
        }
    }

    static class Separate extends CoapResource {
        Separate() {
            super("separate");
        }

        @Override public void handleGET(CoapExchange exchange) {
            exchange.accept();
            timer.schedule(() -> exchange.respond(ResponseCode.CONTENT, "late"), 1500, TimeUnit.MILLISECONDS);
        }
    }

    static class Counter extends CoapResource {
        int count;

        Counter() {
            super("obs");
            setObservable(true);
            timer.scheduleAtFixedRate(() -> {
                count++;
                changed();
            }, 300, 300, TimeUnit.MILLISECONDS);
        }

        @Override public void handleGET(CoapExchange exchange) {
            exchange.respond(ResponseCode.CONTENT, "count " + count);
        }

        @Override public void removeObserveRelation(org.eclipse.californium.core.observe.ObserveRelation relation) {
            super.removeObserveRelation(relation);
            System.out.println("cancelled");
        }
    }

    static void serve(int port) {
        CoapServer server = new CoapServer(configuration(512));
        server.addEndpoint(new CoapEndpoint.Builder().setConfiguration(configuration(512))
                .setInetSocketAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port)).build());
        server.add(new Value("test", "hello".getBytes(StandardCharsets.UTF_8)), new Echo(), new Separate(), new Counter(),
                new Value("large", "0123456789abcdef".repeat(1250).getBytes(StandardCharsets.UTF_8)),
                new Value("large-update", new byte[0]));
        server.start();
        System.out.println("ready");
    }

    // ---- the client ----

    interface Case {
        void run() throws Exception;
    }

    static String port, lossyPort, strictPort;
    static CoapEndpoint endpoint;

    static void expect(boolean condition, Object what) {
        if (!condition) throw new IllegalStateException(String.valueOf(what));
    }

    static CoapResponse ask(Code code, String path, byte[] body, String on) throws Exception {
        Request request = new Request(code);
        request.setURI("coap://127.0.0.1:" + on + path);
        if (body != null) request.setPayload(body);
        CoapResponse response = new CoapClient().setEndpoint(endpoint).setTimeout(120000L).advanced(request);
        expect(response != null, "no answer");
        return response;
    }

    static CoapResponse ask(Code code, String path, String body) throws Exception {
        return ask(code, path, body == null ? null : body.getBytes(StandardCharsets.UTF_8), port);
    }

    static void value() throws Exception {
        expect(ask(Code.PUT, "/test", "from java").isSuccess(), "PUT");
        CoapResponse got = ask(Code.GET, "/test", null);
        expect(got.getCode() == ResponseCode.CONTENT && got.getResponseText().equals("from java"), "GET");
        expect(ask(Code.POST, "/test", "x").isSuccess(), "POST");
        expect(ask(Code.DELETE, "/test", null).getCode() == ResponseCode.DELETED, "DELETE");
        expect(ask(Code.PUT, "/test", "from java").isSuccess(), "PUT after DELETE");
    }

    static void fetch(int size) throws Exception {
        CoapResponse response = ask(Code.FETCH, "/echo", pattern(size), port);
        expect(response.getCode() == ResponseCode.CONTENT, response.getCode());
        expect(Arrays.equals(response.getPayload(), pattern(size)), "another body came back");
    }

    static void blocks(int block) throws Exception {
        useBlocks(block);
        byte[] body = pattern(block * 12 + 5);
        CoapResponse put = ask(Code.PUT, "/large-update", body, lossyPort);
        expect(put.isSuccess(), put.getCode());
        CoapResponse got = ask(Code.GET, "/large-update", null, lossyPort);
        expect(Arrays.equals(got.getPayload(), body), "another body came back");
    }

    static void observe() throws Exception {
        Set<String> seen = new TreeSet<>();
        CountDownLatch four = new CountDownLatch(4);
        CoapObserveRelation relation = new CoapClient("coap://127.0.0.1:" + port + "/obs").setEndpoint(endpoint).observe(
                new CoapHandler() {
                    @Override public void onLoad(CoapResponse response) {
                        if (seen.add(response.getResponseText())) four.countDown();
                    }

                    @Override public void onError() {
                    }
                });
        expect(four.await(20, TimeUnit.SECONDS), seen);
        relation.reactiveCancel();
        Thread.sleep(1500);
        int before = seen.size();
        Thread.sleep(1500);
        expect(seen.size() == before, "notifications go on after the cancellation");
    }

    static void echo() throws Exception {
        CoapResponse first = ask(Code.GET, "/large", null, strictPort);
        expect(first.getCode() == ResponseCode.UNAUTHORIZED, first.getCode());
        byte[] value = null;
        for (Option option : first.getOptions().asSortedList())
            if (option.getNumber() == 252) value = option.getValue();
        expect(value != null, "4.01 without an Echo");
        Request request = new Request(Code.GET);
        request.setURI("coap://127.0.0.1:" + strictPort + "/multi-format");
        request.getOptions().addOption(new Option(new OpaqueOptionDefinition(252, "Echo", true, 1, 40), value));
        CoapResponse second = new CoapClient().setEndpoint(endpoint).setTimeout(20000L).advanced(request);
        expect(second != null && second.isSuccess(), second == null ? "no answer" : second.getCode());
    }

    static void useBlocks(int size) throws Exception {
        if (endpoint != null) endpoint.destroy();
        endpoint = new CoapEndpoint.Builder().setConfiguration(configuration(size)).build();
        endpoint.start();
    }

    static int runCases() throws Exception {
        Map<String, Case> cases = new LinkedHashMap<>();
        int failed = 0;
        cases.put("discover", () -> expect(ask(Code.GET, "/.well-known/core", null).getResponseText().contains("</test>"), "no"));
        cases.put("put, get, post, delete", Peer::value);
        cases.put("fetch", () -> fetch(20));
        cases.put("fetch with a long question and a long answer", () -> fetch(3600));
        cases.put("an Echo", Peer::echo);
        cases.put("an unknown path",
                () -> expect(ask(Code.GET, "/nowhere", null).getCode() == ResponseCode.NOT_FOUND, "not 4.04"));
        cases.put("a separate response", () -> expect(ask(Code.GET, "/separate", null).isSuccess(), "no"));
        cases.put("a query", () -> expect(ask(Code.GET, "/query?first=1&second=2", null).isSuccess(), "no"));
        cases.put("observe and cancel", Peer::observe);
        for (int block = 16; block <= 1024; block *= 2) {
            int size = block;
            cases.put("blocks of " + size + " both ways, with loss", () -> blocks(size));
        }
        for (Map.Entry<String, Case> entry : cases.entrySet()) {
            try {
                entry.getValue().run();
                System.out.println("ok " + entry.getKey());
            } catch (Exception error) {
                failed++;
                System.out.println("FAILED " + entry.getKey() + ": " + error.getMessage());
            }
        }
        return failed;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("server")) {
            serve(Integer.parseInt(arguments[1]));
            return;
        }
        port = arguments[1];
        lossyPort = arguments[2];
        strictPort = arguments[3];
        useBlocks(512);
        System.exit(runCases() > 0 ? 1 : 0);
    }
}

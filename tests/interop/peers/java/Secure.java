// SPDX-License-Identifier: GPL-3.0-or-later
//
// Californium with Scandium as a DTLS peer.
//
//   Secure server PORT CID PROOF
//   Secure client PORT CID PROOF SUITE get
//   Secure client PORT CID PROOF SUITE watch     observes, and gets long bodies, until its input ends
//
// CID is the length of the connection IDs that it wants put into what it receives, or "none". PROOF is psk:IDENTITY:KEY
// (text), or certificate:FILE.p12:CA.pem (password "fieldfare"), or raw:FILE.p12:PEER.pem, where both ends show the bare key
// of their certificate and expect that of the other's (RFC 7250). The client prints "got TEXT", or "failed WHY".

import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import org.eclipse.californium.core.CoapClient;
import org.eclipse.californium.core.CoapHandler;
import org.eclipse.californium.core.CoapResponse;
import org.eclipse.californium.core.CoapServer;
import org.eclipse.californium.core.coap.Request;
import org.eclipse.californium.core.network.CoapEndpoint;
import org.eclipse.californium.core.server.resources.CoapExchange;
import org.eclipse.californium.elements.auth.RawPublicKeyIdentity;
import org.eclipse.californium.elements.config.Configuration;
import org.eclipse.californium.scandium.DTLSConnector;
import org.eclipse.californium.scandium.config.DtlsConfig;
import org.eclipse.californium.scandium.config.DtlsConnectorConfig;
import org.eclipse.californium.scandium.dtls.CertificateType;
import org.eclipse.californium.scandium.dtls.cipher.CipherSuite;
import org.eclipse.californium.scandium.dtls.pskstore.AdvancedSinglePskStore;
import org.eclipse.californium.scandium.dtls.x509.SingleCertificateProvider;
import org.eclipse.californium.scandium.dtls.x509.StaticNewAdvancedCertificateVerifier;

public class Secure {
    static final char[] PASSWORD = "fieldfare".toCharArray();
    static final int LARGE = 60000;

    static Configuration configuration(String cid, DtlsConfig.DtlsRole role) {
        DtlsConfig.register();
        Configuration configuration = Peer.configuration(512);
        configuration.set(DtlsConfig.DTLS_ROLE, role);
        configuration.set(DtlsConfig.DTLS_CONNECTION_ID_LENGTH, cid.equals("none") ? null : Integer.valueOf(cid));
        configuration.set(DtlsConfig.DTLS_RECOMMENDED_CIPHER_SUITES_ONLY, false);
        return configuration;
    }

    static void prove(DtlsConnectorConfig.Builder builder, String proof) throws Exception {
        String[] parts = proof.split(":");
        if (parts[0].equals("psk")) {
            builder.setAdvancedPskStore(new AdvancedSinglePskStore(parts[1], parts[2].getBytes(StandardCharsets.UTF_8)));
            return;
        }
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(parts[1])) {
            store.load(file, PASSWORD);
        }
        String alias = store.aliases().nextElement();
        Certificate[] chain = store.getCertificateChain(alias);
        PrivateKey key = (PrivateKey) store.getKey(alias, PASSWORD);
        StaticNewAdvancedCertificateVerifier.Builder verifier = StaticNewAdvancedCertificateVerifier.builder();
        X509Certificate other;
        try (InputStream file = new FileInputStream(parts[2])) {
            other = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
        if (parts[0].equals("raw")) {
            verifier.setTrustedRPKs(new RawPublicKeyIdentity(other.getPublicKey()));
            builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, chain[0].getPublicKey()));
        } else {
            verifier.setTrustedCertificates(other);
            builder.setCertificateIdentityProvider(new SingleCertificateProvider(key, chain, CertificateType.X_509));
        }
        builder.setAdvancedCertificateVerifier(verifier.build());
    }

    static CoapEndpoint endpoint(DtlsConnectorConfig.Builder builder, Configuration configuration) {
        return new CoapEndpoint.Builder().setConfiguration(configuration)
                .setConnector(new DTLSConnector(builder.build())).build();
    }

    /** Its notifications are stale after a second: who gets none any more asks again soon (RFC 7641 section 3.3.1). */
    static class ShortLived extends Peer.Counter {
        @Override public void handleGET(CoapExchange exchange) {
            exchange.setMaxAge(1);
            super.handleGET(exchange);
        }
    }

    static void serve(int port, String cid, String proof) throws Exception {
        Configuration configuration = configuration(cid, DtlsConfig.DtlsRole.SERVER_ONLY);
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(configuration)
                .setAddress(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        if (proof.startsWith("psk"))
            builder.set(DtlsConfig.DTLS_CIPHER_SUITES, Arrays.asList(CipherSuite.TLS_PSK_WITH_AES_128_CCM_8,
                    CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256));
        prove(builder, proof);
        CoapServer server = new CoapServer(configuration);
        server.addEndpoint(endpoint(builder, configuration));
        server.add(new Peer.Value("test", "hello".getBytes(StandardCharsets.UTF_8)), new ShortLived(),
                new Peer.Value("large", Peer.pattern(LARGE)));
        server.start();
        System.out.println("ready");
    }

    static CoapEndpoint client;
    static String base;

    static CoapClient ask(String path) {
        return new CoapClient(base + path).setEndpoint(client).setTimeout(20000L);
    }

    static void get() throws Exception {
        CoapResponse response = ask("/test").get();
        System.out.println(response == null ? "failed no answer" : "got " + response.getResponseText());
    }

    /** Each notification is a line "notification TEXT", each body "body LENGTH". */
    static void watch() throws Exception {
        ask("/obs").observe(new CoapHandler() {
            @Override public void onLoad(CoapResponse response) {
                System.out.println("notification " + response.getResponseText());
            }

            @Override public void onError() {
                System.out.println("failed observation");
            }
        });
        Thread bodies = new Thread(() -> {
            try {
                for (;;) {
                    CoapResponse response = ask("/large").get();
                    System.out.println("body " + (response == null ? "lost" : response.getPayload().length));
                    Thread.sleep(200); // it has Message-IDs for some 60,000 blocks in four minutes
                }
            } catch (Exception fault) {
                System.out.println("failed " + fault.getMessage());
            }
        });
        bodies.setDaemon(true);
        bodies.start();
        while (System.in.read() >= 0) continue;
    }

    public static void main(String[] arguments) throws Exception {
        String role = arguments[0], cid = arguments[2], proof = arguments[3];
        if (role.equals("server")) {
            serve(Integer.parseInt(arguments[1]), cid, proof);
            return;
        }
        Configuration configuration = configuration(cid, DtlsConfig.DtlsRole.CLIENT_ONLY);
        DtlsConnectorConfig.Builder builder = DtlsConnectorConfig.builder(configuration);
        builder.set(DtlsConfig.DTLS_CIPHER_SUITES, Arrays.asList(CipherSuite.getTypeByName("TLS_" + arguments[4])));
        prove(builder, proof);
        base = "coaps://127.0.0.1:" + arguments[1];
        client = endpoint(builder, configuration);
        client.start();
        try {
            if (arguments[5].equals("get")) get();
            else watch();
        } catch (Exception fault) {
            System.out.println("failed " + fault.getMessage());
        }
        client.destroy();
        System.exit(0);
    }
}

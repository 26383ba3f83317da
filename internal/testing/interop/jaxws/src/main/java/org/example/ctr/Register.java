package org.example.ctr;

import be.fgov.ehealth.ctr.protocol.v1.CtrPortType;
import be.fgov.ehealth.ctr.protocol.v1.CtrService;
import com.sun.xml.ws.developer.JAXWSProperties;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.handler.Handler;
import jakarta.xml.ws.soap.MTOMFeature;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManagerFactory;

/** Makes the port of the register: address, TLS, signature. */
final class Register {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private Register() {
    }

    static CtrPortType connect(Options options, Credentials credentials)
            throws IOException, GeneralSecurityException {
        // Else the JDK sends a POST again by itself when the connection breaks, with the same signature, and the register
        // takes each signed message only once. It is read when the first connection is made.
        System.setProperty("sun.net.http.retryPost", "false");

        CtrService service = new CtrService(Register.class.getResource(contract(options)));
        CtrPortType port = service.getCtrPort(new MTOMFeature(options.mtom()));

        BindingProvider provider = (BindingProvider) port;
        Map<String, Object> context = provider.getRequestContext();
        context.put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, options.url());
        context.put(JAXWSProperties.SSL_SOCKET_FACTORY, trusting(options.ca()));
        context.put(JAXWSProperties.CONNECT_TIMEOUT, (int) PATIENCE.toMillis());
        context.put(JAXWSProperties.REQUEST_TIMEOUT, (int) PATIENCE.toMillis());

        @SuppressWarnings("rawtypes") // as the interface has it
        List<Handler> handlers = provider.getBinding().getHandlerChain();
        handlers.add(new RefusalKeeper());
        if (options.policy()) {
            context.put("certificate", credentials.certificate()); // names of com.sun.xml.wss.XWSSConstants
            context.put("privatekey", credentials.key());
        } else {
            handlers.add(new Signer(credentials.key(), credentials.certificate())); // last: nothing may change it then
        }
        provider.getBinding().setHandlerChain(handlers); // getHandlerChain gave a copy
        return port;
    }

    /** The classes serve every form of the contract: version of SOAP and policy come from the one that is read here. */
    private static String contract(Options options) {
        if (options.policy()) {
            return "/contract/ctr-v1-policy.wsdl"; // it has a port for SOAP 1.1 only
        }
        return options.soap().equals("1.2") ? "/contract/ctr-v1-soap12.wsdl" : "/contract/ctr-v1.wsdl";
    }

    /** TLS that trusts the authorities in the file, and no others. */
    private static SSLSocketFactory trusting(Path file) throws IOException, GeneralSecurityException {
        KeyStore authorities = KeyStore.getInstance("PKCS12");
        authorities.load(null, null);
        try (InputStream in = Files.newInputStream(file)) {
            for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                authorities.setCertificateEntry("authority " + authorities.size(), authority);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(authorities);
        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(null, trust.getTrustManagers(), null);
        return tls.getSocketFactory();
    }
}

package org.openctr.springws;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.dom.WSConstants;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.oxm.jaxb.Jaxb2Marshaller;
import org.springframework.ws.client.core.WebServiceTemplate;
import org.springframework.ws.client.support.interceptor.ClientInterceptor;
import org.springframework.ws.context.MessageContext;
import org.springframework.ws.soap.SoapVersion;
import org.springframework.ws.soap.saaj.SaajSoapMessageFactory;
import org.springframework.ws.soap.security.WsSecuritySecurementException;
import org.springframework.ws.soap.security.wss4j2.Wss4jSecurityInterceptor;
import org.springframework.ws.transport.http.JdkHttpClientMessageSender;

/** The beans that a client of the register needs. */
@Configuration(proxyBeanMethods = false)
class RegisterConfiguration {

    /** The alias of the signing key in every eHealth .p12 file; the other key in it decrypts. */
    private static final String SIGNING_KEY = "authentication";

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @Bean
    Register register(WebServiceTemplate template) {
        return new Register(template);
    }

    @Bean
    WebServiceTemplate webServiceTemplate(Options options, SaajSoapMessageFactory messages, Jaxb2Marshaller marshaller,
            JdkHttpClientMessageSender sender, Wss4jSecurityInterceptor security) {
        WebServiceTemplate template = new WebServiceTemplate(messages);
        template.setDefaultUri(options.get("url"));
        template.setMarshaller(marshaller);
        template.setUnmarshaller(marshaller);
        template.setMessageSender(sender);
        template.setInterceptors(new ClientInterceptor[] {security});
        template.setFaultMessageResolver(message -> {
            throw Refusal.of(message, marshaller);
        });
        return template;
    }

    @Bean
    SaajSoapMessageFactory messageFactory(Options options) {
        SaajSoapMessageFactory factory = new SaajSoapMessageFactory();
        factory.setSoapVersion(options.get("soap").equals("1.2") ? SoapVersion.SOAP_12 : SoapVersion.SOAP_11);
        return factory;
    }

    @Bean
    Jaxb2Marshaller marshaller(Options options) {
        Jaxb2Marshaller marshaller = new Jaxb2Marshaller();
        marshaller.setContextPaths(
            "be.fgov.ehealth.ctr.protocol.v1",
            "be.fgov.ehealth.ctr.core.v1", // for the violations in a fault
            "be.fgov.ehealth.errors.soa.v1"); // for the error in a fault
        marshaller.setMtomEnabled(options.mtom());
        return marshaller;
    }

    /** The .p12 file. */
    @Bean
    KeyStore keys(Options options) throws IOException, GeneralSecurityException {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(options.path("p12"))) {
            keys.load(file, options.password().toCharArray());
        }
        if (!keys.isKeyEntry(SIGNING_KEY)) {
            throw new GeneralSecurityException(options.path("p12") + " holds no key with the alias " + SIGNING_KEY);
        }
        return keys;
    }

    /**
     * Signs as the platform asks: one signature over Body, Timestamp and token. Replies are taken as they are: they come
     * unsigned, over TLS, from a server whose certificate was checked.
     */
    @Bean
    Wss4jSecurityInterceptor security(Options options, KeyStore keys) throws IOException, GeneralSecurityException {
        Merlin crypto = new Merlin();
        crypto.setKeyStore(keys);

        Wss4jSecurityInterceptor security = new Wss4jSecurityInterceptor() {
            @Override
            protected boolean handleSecurementException(WsSecuritySecurementException failure, MessageContext exchange) {
                throw failure; // otherwise it is only logged, nothing is sent, and the template returns null
            }
        };
        security.setSecurementActions("Timestamp Signature"); // in this order: what is signed must be there before
        security.setSecurementTimeToLive(60);
        security.setSecurementUsername(SIGNING_KEY);
        security.setSecurementPassword(options.password());
        security.setSecurementSignatureCrypto(crypto);
        security.setSecurementSignatureKeyIdentifier("DirectReference");
        security.setSecurementSignatureAlgorithm(
            algorithm(keys).equals("EC") ? WSConstants.ECDSA_SHA256 : WSConstants.RSA_SHA256);
        security.setSecurementSignatureDigestAlgorithm(WSConstants.SHA256);
        // The empty braces are the namespace of the envelope, in SOAP 1.1 and in 1.2.
        security.setSecurementSignatureParts("{Element}{}Body;"
            + "{Element}{" + WSConstants.WSU_NS + "}Timestamp;"
            + "{Element}{" + WSConstants.WSSE_NS + "}BinarySecurityToken");
        security.setValidationActions("NoSecurity");
        return security;
    }

    /** RSA or EC. */
    static String algorithm(KeyStore keys) throws KeyStoreException {
        return keys.getCertificate(SIGNING_KEY).getPublicKey().getAlgorithm();
    }

    /** Not HttpUrlConnectionMessageSender, which sends a POST twice when the connection breaks: the second is refused. */
    @Bean
    JdkHttpClientMessageSender messageSender(Options options) throws IOException, GeneralSecurityException {
        JdkHttpClientMessageSender sender = new JdkHttpClientMessageSender(HttpClient.newBuilder()
            .sslContext(trusting(options.path("ca")))
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build());
        sender.setRequestTimeout(PATIENCE);
        return sender;
    }

    /** Trusts the authorities of a PEM file and nobody else, not even those that come with Java. */
    private static SSLContext trusting(Path authorities) throws IOException, GeneralSecurityException {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null, null);
        try (InputStream file = Files.newInputStream(authorities)) {
            for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                trusted.setCertificateEntry("authority-" + trusted.size(), authority);
            }
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        return context;
    }
}

package org.openctr.wss4j;

import jakarta.xml.soap.MessageFactory;
import jakarta.xml.soap.MimeHeaders;
import jakarta.xml.soap.SOAPConstants;
import jakarta.xml.soap.SOAPException;
import jakarta.xml.soap.SOAPMessage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * Posts SOAP messages over TLS, plain or packed (MTOM).
 *
 * <p>It uses java.net.http on purpose: HttpURLConnection sends a POST a second time by itself when the connection breaks,
 * and the service takes a signed message only once.
 */
final class Connection {

    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final URI address;
    private final HttpClient http;
    private final boolean soap12;
    private final String contentType;
    private final boolean mtom;
    private final MessageFactory messages;

    Connection(URI address, Path authorities, boolean soap12, boolean mtom)
            throws IOException, GeneralSecurityException, SOAPException {
        this.address = address;
        this.http = HttpClient.newBuilder()
            .sslContext(trusting(authorities))
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(PATIENCE)
            .build();
        this.soap12 = soap12;
        this.contentType = soap12 ? SOAPConstants.SOAP_1_2_CONTENT_TYPE : SOAPConstants.SOAP_1_1_CONTENT_TYPE;
        this.mtom = mtom;
        this.messages = MessageFactory.newInstance(
            soap12 ? SOAPConstants.SOAP_1_2_PROTOCOL : SOAPConstants.SOAP_1_1_PROTOCOL);
    }

    /** A new message in the version of SOAP that this connection speaks. */
    SOAPMessage newMessage() throws SOAPException {
        SOAPMessage message = messages.createMessage();
        if (mtom) {
            // By these two headers SAAJ writes the message as a package (XOP).
            String packed = "application/xop+xml; type=\"" + contentType + '"';
            message.getMimeHeaders().setHeader("Content-Type", packed);
            message.getSOAPPart().setMimeHeader("Content-Type", packed);
        }
        return message;
    }

    /** Sends a message and returns the answer, which may be a fault. */
    SOAPMessage post(SOAPMessage message, String action) throws IOException, InterruptedException, SOAPException {
        message.saveChanges(); // makes the Content-Type, with the boundary of a package
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        message.writeTo(bytes);
        String sent = message.getMimeHeaders().getHeader("Content-Type")[0];

        HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(PATIENCE)
            .POST(HttpRequest.BodyPublishers.ofByteArray(bytes.toByteArray()));
        if (soap12) {
            request.header("Content-Type", sent + "; action=\"" + action + '"');
        } else {
            request.header("Content-Type", sent);
            request.header("SOAPAction", '"' + action + '"');
        }
        HttpResponse<byte[]> response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());

        String received = response.headers().firstValue("Content-Type").orElse("no Content-Type");
        if (!received.startsWith(contentType) && !received.startsWith("multipart/related")) {
            throw new IOException("HTTP " + response.statusCode() + " with " + received + " instead of a SOAP message");
        }
        MimeHeaders headers = new MimeHeaders();
        headers.addHeader("Content-Type", received); // by which SAAJ finds the parts of a packed answer
        return messages.createMessage(headers, new ByteArrayInputStream(response.body()));
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

package org.openctr.axis1;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Hashtable;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.apache.axis.components.net.BooleanHolder;
import org.apache.axis.components.net.SecureSocketFactory;

/**
 * TLS for Axis, which by itself never compares the server's name with its certificate (CVE-2014-3596). Axis makes an
 * instance by reflection, so the authorities are set for the class.
 */
public final class CheckedSockets implements SecureSocketFactory {

    private static final int PATIENCE_MILLISECONDS = 20_000;

    private static volatile SSLContext context;

    /** Axis gives its options, which are not needed. */
    public CheckedSockets(Hashtable<?, ?> options) {
    }

    /** Trusts the authorities of a PEM file and nobody else, not even those that come with Java. */
    static void trustOnly(Path authorities) throws IOException {
        try {
            KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null, null);
            try (InputStream file = Files.newInputStream(authorities)) {
                for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                    trusted.setCertificateEntry("authority-" + trusted.size(), authority);
                }
            }
            TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            managers.init(trusted);
            SSLContext made = SSLContext.getInstance("TLS");
            made.init(null, managers.getTrustManagers(), null);
            context = made;
        } catch (GeneralSecurityException e) {
            throw new IOException(e);
        }
    }

    @Override
    public Socket create(String host, int port, StringBuffer otherHeaders, BooleanHolder useFullUrl)
            throws IOException {
        int reached = port > 0 ? port : 443;
        Socket plain = new Socket();
        plain.connect(new InetSocketAddress(host, reached), PATIENCE_MILLISECONDS);
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, host, reached, true);
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        return socket;
    }
}

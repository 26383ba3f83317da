package org.openctr.client;

import be.fgov.ehealth.ctr.protocol.v1.CtrPortType;
import be.fgov.ehealth.ctr.protocol.v1.CtrService;
import jakarta.xml.ws.BindingProvider;
import jakarta.xml.ws.soap.SOAPBinding;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Map;
import javax.net.ssl.TrustManagerFactory;
import org.apache.cxf.configuration.jsse.TLSClientParameters;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.interceptor.ClientFaultConverter;
import org.apache.cxf.transport.http.HTTPConduit;

/** Makes the port through which the register's operations are called. */
final class Register {

    private Register() {
    }

    static CtrPortType connect(Options options, SigningKey key) throws IOException, GeneralSecurityException {
        // The form of the contract decides: SOAP 1.1 or 1.2, and whether CXF is told by a policy to sign.
        String contract = options.policy() ? "ctr-v1-policy.wsdl"
                : options.soap().equals("1.2") ? "ctr-v1-soap12.wsdl"
                : "ctr-v1.wsdl";
        CtrPortType port = new CtrService(Register.class.getResource("/contract/" + contract)).getCtrPort();

        BindingProvider provider = (BindingProvider) port;
        Map<String, Object> requestContext = provider.getRequestContext();
        requestContext.put(BindingProvider.ENDPOINT_ADDRESS_PROPERTY, options.url());
        ((SOAPBinding) provider.getBinding()).setMTOMEnabled(options.mtom());

        // CXF makes BusinessError and SystemError of the first element in a fault's detail and drops the rest, and the
        // list of violations is the second. So faults come as SOAPFaultException, with all that is in them: see Refusal.
        requestContext.put(ClientFaultConverter.DISABLE_FAULT_MAPPING, true);
        // CXF looks for a fault only when the status is 500; one of SOAP 1.2 comes with 400, a full service's with 503.
        requestContext.put(HTTPConduit.NO_IO_EXCEPTIONS, true);

        HTTPConduit conduit = (HTTPConduit) ClientProxy.getClient(port).getConduit();
        conduit.setTlsClientParameters(trustOnly(options.ca()));

        if (options.policy()) {
            Signing.byPolicy(port, key);
        } else {
            Signing.byInterceptor(port, key);
        }
        return port;
    }

    /** Takes a server only with a certificate of the authorities in a PEM file, and none of the JDK's own. */
    private static TLSClientParameters trustOnly(Path pem) throws IOException, GeneralSecurityException {
        KeyStore authorities = KeyStore.getInstance("PKCS12");
        authorities.load(null, null);
        try (InputStream file = Files.newInputStream(pem)) {
            for (Certificate authority : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                authorities.setCertificateEntry("authority-" + authorities.size(), authority);
            }
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(authorities);

        TLSClientParameters parameters = new TLSClientParameters();
        parameters.setTrustManagers(factory.getTrustManagers());
        return parameters;
    }
}

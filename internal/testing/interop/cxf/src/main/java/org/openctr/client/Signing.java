package org.openctr.client;

import be.fgov.ehealth.ctr.protocol.v1.CtrPortType;
import jakarta.xml.ws.BindingProvider;
import java.util.HashMap;
import java.util.Map;
import javax.security.auth.callback.CallbackHandler;
import org.apache.cxf.frontend.ClientProxy;
import org.apache.cxf.ws.security.SecurityConstants;
import org.apache.cxf.ws.security.wss4j.WSS4JOutInterceptor;
import org.apache.wss4j.common.ConfigurationConstants;
import org.apache.wss4j.common.WSS4JConstants;
import org.apache.wss4j.common.ext.WSPasswordCallback;

/**
 * The two ways to make CXF sign. Choose one: with both, a message is signed twice, and refused.
 *
 * <p>Both send the same: the certificate as a binary security token, a Timestamp, and one signature over Body, Timestamp
 * and token. Neither looks at the security of the reply, which is unsigned and came over TLS.
 */
final class Signing {

    /** How long a message is good, in seconds. The register looks no further than 300. */
    private static final String TIME_TO_LIVE = "60";

    private Signing() {
    }

    /** By interceptor: everything is said here, and the contract's policy is not needed. */
    static void byInterceptor(CtrPortType port, SigningKey key) {
        CallbackHandler password = callbacks -> ((WSPasswordCallback) callbacks[0]).setPassword(key.password());

        Map<String, Object> properties = new HashMap<>();
        properties.put(ConfigurationConstants.ACTION, "Timestamp Signature");
        properties.put(ConfigurationConstants.TTL_TIMESTAMP, TIME_TO_LIVE);

        properties.put(ConfigurationConstants.SIG_PROP_REF_ID, "signingKey");
        properties.put("signingKey", key.crypto());
        properties.put(ConfigurationConstants.SIGNATURE_USER, SigningKey.ALIAS);
        properties.put(ConfigurationConstants.PW_CALLBACK_REF, password);

        // WSS4J's default is to name the certificate by issuer and serial number, and to sign the Body alone.
        properties.put(ConfigurationConstants.SIG_KEY_ID, "DirectReference");
        properties.put(ConfigurationConstants.SIGNATURE_PARTS,
                "{}{}Body;"
                + "{}{" + WSS4JConstants.WSU_NS + "}Timestamp;"
                + "{}{" + WSS4JConstants.WSSE_NS + "}BinarySecurityToken");
        properties.put(ConfigurationConstants.SIG_ALGO, key.algorithm());
        properties.put(ConfigurationConstants.SIG_DIGEST_ALGO, WSS4JConstants.SHA256);

        // With MTOM the token would become an attachment, and signing it first leaves that attachment empty.
        properties.put(ConfigurationConstants.STORE_BYTES_IN_ATTACHMENT, "false");

        ClientProxy.getClient(port).getOutInterceptors().add(new WSS4JOutInterceptor(properties));
    }

    /**
     * By policy: the contract (contract/ctr-v1-policy.wsdl, or ?wsdl=policy) says what to sign, and CXF does it. What the
     * policy cannot say is the key, the signature algorithm and the time to live.
     */
    static void byPolicy(CtrPortType port, SigningKey key) {
        Map<String, Object> requestContext = ((BindingProvider) port).getRequestContext();
        requestContext.put(SecurityConstants.SIGNATURE_CRYPTO, key.crypto());
        requestContext.put(SecurityConstants.SIGNATURE_USERNAME, SigningKey.ALIAS);
        requestContext.put(SecurityConstants.SIGNATURE_PASSWORD, key.password());
        // Without this CXF signs with RSA-SHA1: WS-SecurityPolicy 1.2 knows no other, in none of its suites.
        requestContext.put(SecurityConstants.ASYMMETRIC_SIGNATURE_ALGORITHM, key.algorithm());
        requestContext.put(SecurityConstants.TIMESTAMP_TTL, TIME_TO_LIVE);
    }
}

package org.openctr.rampart;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Properties;
import java.util.UUID;
import java.util.function.Consumer;
import javax.security.auth.callback.CallbackHandler;
import org.apache.axiom.om.OMAbstractFactory;
import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMFactory;
import org.apache.axiom.soap.SOAP11Constants;
import org.apache.axiom.soap.SOAP12Constants;
import org.apache.axis2.AxisFault;
import org.apache.axis2.Constants;
import org.apache.axis2.addressing.EndpointReference;
import org.apache.axis2.client.ServiceClient;
import org.apache.axis2.context.ConfigurationContextFactory;
import org.apache.axis2.transport.http.HTTPConstants;
import org.apache.commons.httpclient.protocol.Protocol;
import org.apache.neethi.Policy;
import org.apache.neethi.PolicyEngine;
import org.apache.rampart.RampartMessageData;
import org.apache.rampart.policy.model.CryptoConfig;
import org.apache.rampart.policy.model.RampartConfig;
import org.apache.ws.security.WSPasswordCallback;
import org.apache.ws.security.handler.WSHandlerConstants;

/** The operations of the register, with what every request has in common filled in. */
final class Register {

    private static final String PROTOCOL = "urn:be:fgov:ehealth:ctr:protocol:v1";
    private static final int PATIENCE_MILLISECONDS = 20_000;

    private final ServiceClient client;

    Register(Options options, String password) throws IOException, GeneralSecurityException {
        // Axis2 looks for the module rampart in the folder modules of its repository.
        client = new ServiceClient(
            ConfigurationContextFactory.createConfigurationContextFromFileSystem("target/repository", null), null);
        client.engageModule("rampart");

        URI address = URI.create(options.get("url"));
        org.apache.axis2.client.Options settings = client.getOptions();
        settings.setTo(new EndpointReference(address.toString()));
        settings.setTimeOutInMilliSeconds(PATIENCE_MILLISECONDS);
        settings.setSoapVersionURI(options.get("soap").equals("1.2")
            ? SOAP12Constants.SOAP_ENVELOPE_NAMESPACE_URI : SOAP11Constants.SOAP_ENVELOPE_NAMESPACE_URI);
        if (options.mtom()) {
            settings.setProperty(Constants.Configuration.ENABLE_MTOM, Constants.VALUE_TRUE);
        }
        settings.setProperty(HTTPConstants.CUSTOM_PROTOCOL_HANDLER,
            new Protocol("https", new CheckedSockets(options.path("ca")), 443));

        // For requests only: Rampart would refuse a reply without a Security header.
        settings.setProperty(RampartMessageData.KEY_RAMPART_OUT_POLICY, policy(options, password));
        CallbackHandler passwords = callbacks -> ((WSPasswordCallback) callbacks[0]).setPassword(password);
        settings.setProperty(WSHandlerConstants.PW_CALLBACK_REF, passwords);
    }

    /** The policy of the contract, with the key that signs. */
    private static Policy policy(Options options, String password) throws IOException {
        Properties keys = new Properties();
        keys.setProperty("org.apache.ws.security.crypto.merlin.keystore.type", "PKCS12");
        keys.setProperty("org.apache.ws.security.crypto.merlin.keystore.password", password);
        keys.setProperty("org.apache.ws.security.crypto.merlin.file", options.get("p12"));
        CryptoConfig crypto = new CryptoConfig();
        crypto.setProvider("org.apache.ws.security.components.crypto.Merlin");
        crypto.setProp(keys);

        RampartConfig config = new RampartConfig();
        config.setUser("authentication"); // an eHealth .p12 file has two keys; the other one is for decryption
        config.setSigCryptoConfig(crypto);
        config.setTimestampTTL("60");
        try (InputStream file = Register.class.getResourceAsStream("/policy.xml")) {
            Policy policy = PolicyEngine.getPolicy(file);
            policy.addAssertion(config);
            return policy;
        }
    }

    /** Calls an operation; its name is that of the request without the word Request. */
    OMElement call(String operation, Consumer<OMElement> content) throws AxisFault {
        OMFactory factory = OMAbstractFactory.getOMFactory();
        OMElement request = factory.createOMElement(
            operation + "Request", factory.createOMNamespace(PROTOCOL, "ctrp"));
        request.declareNamespace("urn:be:fgov:ehealth:ctr:core:v1", "ctr");
        request.declareNamespace("urn:be:fgov:ehealth:commons:core:v2", "cc");
        request.addAttribute("Id", "_" + UUID.randomUUID(), null); // an xs:ID cannot begin with a digit
        request.addAttribute("IssueInstant", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), null);
        content.accept(request);

        client.getOptions().setAction(PROTOCOL + ":" + operation);
        try {
            OMElement response = client.sendReceive(request);
            response.buildWithAttachments(); // before the connection goes back
            return response;
        } finally {
            client.cleanupTransport();
        }
    }
}

package org.openctr.axis1;

import java.io.IOException;
import java.net.URL;
import java.nio.file.Path;
import java.util.Properties;
import javax.security.auth.callback.CallbackHandler;
import javax.xml.rpc.ServiceException;
import org.apache.axis.AxisProperties;
import org.apache.axis.client.Stub;
import org.apache.ws.security.WSPasswordCallback;
import org.apache.ws.security.handler.WSHandlerConstants;
import org.openctr.axis1.generated.CtrBindingStub;
import org.openctr.axis1.generated.CtrServiceLocator;

/** Makes the stub through which the register's operations are called, with the key that signs. */
final class Register {

    private static final int PATIENCE_MILLISECONDS = 20_000;

    private Register() {
    }

    static CtrBindingStub connect(URL address, Path authorities, Path p12, String password)
            throws IOException, ServiceException {
        CheckedSockets.trustOnly(authorities);
        AxisProperties.setProperty("axis.socketSecureFactory", CheckedSockets.class.getName());

        Stub stub = (Stub) new CtrServiceLocator().getCtrPort(address);
        stub.setTimeout(PATIENCE_MILLISECONDS);

        Properties keys = new Properties();
        keys.setProperty("org.apache.ws.security.crypto.provider",
            "org.apache.ws.security.components.crypto.Merlin");
        keys.setProperty("org.apache.ws.security.crypto.merlin.keystore.type", "PKCS12");
        keys.setProperty("org.apache.ws.security.crypto.merlin.keystore.password", password);
        keys.setProperty("org.apache.ws.security.crypto.merlin.file", p12.toString());
        stub._setProperty(WSHandlerConstants.SIG_PROP_REF_ID, "keys");
        stub._setProperty("keys", keys);
        CallbackHandler passwords = callbacks -> ((WSPasswordCallback) callbacks[0]).setPassword(password);
        stub._setProperty(WSHandlerConstants.PW_CALLBACK_REF, passwords);
        return (CtrBindingStub) stub;
    }
}

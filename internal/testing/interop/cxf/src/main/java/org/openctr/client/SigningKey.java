package org.openctr.client;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import org.apache.wss4j.common.WSS4JConstants;
import org.apache.wss4j.common.crypto.Crypto;
import org.apache.wss4j.common.crypto.Merlin;

/**
 * The key that signs, with its certificate, in the form that WSS4J wants.
 *
 * @param crypto   the opened .p12 file
 * @param password the password of the key, which in a .p12 file is that of the file
 * @param type     "RSA" or "EC"
 */
record SigningKey(Crypto crypto, String password, String type) {

    /**
     * The name of the key in the file. Name it: an eHealth .p12 file holds a second key, under a number, which is for
     * decryption and must not sign.
     */
    static final String ALIAS = "authentication";

    static SigningKey read(Path p12, String password) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(p12)) {
            store.load(file, password.toCharArray());
        }
        if (!store.isKeyEntry(ALIAS)) {
            throw new GeneralSecurityException("there is no key called " + ALIAS + " in " + p12);
        }
        Merlin crypto = new Merlin();
        crypto.setKeyStore(store);
        return new SigningKey(crypto, password, store.getCertificate(ALIAS).getPublicKey().getAlgorithm());
    }

    /** The signature algorithm for this type of key. */
    String algorithm() {
        return type.equals("EC") ? WSS4JConstants.ECDSA_SHA256 : WSS4JConstants.RSA_SHA256;
    }
}

package org.example.ctr;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;

/** The key that signs, and its certificate. */
record Credentials(PrivateKey key, X509Certificate certificate) {

    /** The eHealth .p12 holds two keys: this one authenticates and signs, the other one, named by a number, decrypts. */
    private static final String ALIAS = "authentication";

    static Credentials load(Path p12, char[] password) throws IOException, GeneralSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(p12)) {
            store.load(in, password);
        }
        if (!store.isKeyEntry(ALIAS)) {
            throw new GeneralSecurityException(p12 + " has no key named " + ALIAS);
        }
        return new Credentials((PrivateKey) store.getKey(ALIAS, password), (X509Certificate) store.getCertificate(ALIAS));
    }
}

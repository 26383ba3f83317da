package org.openctr.wss4j;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import org.apache.wss4j.common.WSEncryptionPart;
import org.apache.wss4j.common.crypto.Merlin;
import org.apache.wss4j.common.ext.WSSecurityException;
import org.apache.wss4j.dom.WSConstants;
import org.apache.wss4j.dom.engine.WSSConfig;
import org.apache.wss4j.dom.message.WSSecHeader;
import org.apache.wss4j.dom.message.WSSecSignature;
import org.apache.wss4j.dom.message.WSSecTimestamp;
import org.w3c.dom.Document;

/**
 * Signs SOAP messages with the key of an eHealth .p12 file, as the platform asks: Timestamp, BinarySecurityToken and
 * Signature in this order, one signature over Body, Timestamp and token.
 */
final class MessageSigner {

    /** The alias of the signing key in every eHealth .p12 file; the other key in it decrypts. */
    private static final String SIGNING_KEY = "authentication";

    /** The service takes a message for five minutes at most, whatever stands here. */
    private static final int TIME_TO_LIVE_SECONDS = 60;

    static {
        WSSConfig.init(); // once, before anything else of WSS4J; without it, Java's own XML security is taken
    }

    private final Merlin keys;
    private final String password;
    private final String keyAlgorithm;

    MessageSigner(Path p12, String password) throws IOException, GeneralSecurityException, WSSecurityException {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(p12)) {
            store.load(file, password.toCharArray());
        }
        if (!store.isKeyEntry(SIGNING_KEY)) {
            throw new GeneralSecurityException(p12 + " holds no key with the alias " + SIGNING_KEY);
        }
        this.keys = new Merlin();
        this.keys.setKeyStore(store);
        this.password = password;
        this.keyAlgorithm = store.getCertificate(SIGNING_KEY).getPublicKey().getAlgorithm();
    }

    /** RSA or EC. */
    String keyAlgorithm() {
        return keyAlgorithm;
    }

    /** Adds the security header to a SOAP envelope. Its Body must be complete: nothing signed may change afterwards. */
    void sign(Document envelope) throws WSSecurityException {
        WSSecHeader header = new WSSecHeader(envelope);
        header.setMustUnderstand(true);
        header.insertSecurityHeader();

        WSSecTimestamp timestamp = new WSSecTimestamp(header);
        timestamp.setTimeToLive(TIME_TO_LIVE_SECONDS);
        timestamp.build();

        WSSecSignature signature = new WSSecSignature(header);
        signature.setUserInfo(SIGNING_KEY, password);
        signature.setKeyIdentifierType(WSConstants.BST_DIRECT_REFERENCE);
        signature.setSignatureAlgorithm(keyAlgorithm.equals("EC") ? WSConstants.ECDSA_SHA256 : WSConstants.RSA_SHA256);
        signature.setDigestAlgo(WSConstants.SHA256);
        signature.setSigCanonicalization(WSConstants.C14N_EXCL_OMIT_COMMENTS);
        signature.setAddInclusivePrefixes(false);

        // Step by step instead of signature.build(): the token has its Id only after prepare(), and must stand in the
        // header before its digest is computed.
        signature.prepare(keys);
        signature.appendBSTElementToHeader();
        String soapNamespace = envelope.getDocumentElement().getNamespaceURI();
        signature.computeSignature(
            signature.addReferencesToSign(List.of(
                new WSEncryptionPart("Body", soapNamespace, "Element"),
                new WSEncryptionPart(timestamp.getId()),
                new WSEncryptionPart(signature.getBSTTokenId()))),
            false, null); // false: append, do not prepend
    }
}

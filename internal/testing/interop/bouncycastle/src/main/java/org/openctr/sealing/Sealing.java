package org.openctr.sealing;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import javax.crypto.SecretKey;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataStreamGenerator;
import org.bouncycastle.cms.KEKRecipientId;
import org.bouncycastle.cms.Recipient;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKEKEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKEKRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientId;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.util.Store;

/**
 * Seals and opens messages as the platform's library does, with Bouncy Castle.
 *
 * <pre>
 * seal   P12 PASSWORD-FILE KEK-FILE KEK-ID CLEAR SEALED TOKEN...
 * unseal P12 PASSWORD-FILE SEALED CLEAR
 * unseal KEK-FILE KEK-ID SEALED CLEAR kek
 * </pre>
 *
 * It writes streams of BER: indefinite lengths, and strings in segments.
 */
public final class Sealing {
    private static final String PSS = "SHA256withRSAandMGF1";

    private Sealing() {}

    /** Runs a command. */
    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        if (args[0].equals("seal")) {
            KeyStore store = open(args[1], args[2]);
            SecretKey kek = readKey(args[3]);
            byte[] clear = Files.readAllBytes(Path.of(args[5]));
            byte[] outer = sign(store, password(args[2]), encrypt(sign(store, password(args[2]), clear, false), kek,
                    Base64.getDecoder().decode(args[4]), List.of(args).subList(7, args.length)), true);
            Files.write(Path.of(args[6]), outer);
        } else if (args.length == 6) {
            byte[] id = Base64.getDecoder().decode(args[2]);
            unseal(args[3], args[4], new JceKEKEnvelopedRecipient(readKey(args[1])).setProvider("BC"), id);
        } else {
            unsealWithStore(args);
        }
    }

    private static char[] password(String file) throws Exception {
        return Files.readString(Path.of(file)).strip().toCharArray();
    }

    private static KeyStore open(String file, String passwordFile) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream in = Files.newInputStream(Path.of(file))) {
            store.load(in, password(passwordFile));
        }
        return store;
    }

    private static SecretKey readKey(String file) throws Exception {
        return new SecretKeySpec(Base64.getDecoder().decode(Files.readString(Path.of(file)).strip()), "AES");
    }

    private static byte[] sign(KeyStore store, char[] password, byte[] content, boolean withCertificates)
            throws Exception {
        PrivateKey key = (PrivateKey) store.getKey("authentication", password);
        X509Certificate certificate = (X509Certificate) store.getCertificate("authentication");
        CMSSignedDataStreamGenerator generator = new CMSSignedDataStreamGenerator();
        generator.addSignerInfoGenerator(
                new JcaSignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build())
                        .build(new JcaContentSignerBuilder(PSS).setProvider("BC").build(key), certificate));
        if (withCertificates) {
            generator.addCertificates(new JcaCertStore(List.of(store.getCertificateChain("authentication"))));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = generator.open(out, true)) {
            to.write(content);
        }
        return out.toByteArray();
    }

    private static byte[] encrypt(byte[] content, SecretKey kek, byte[] kekId, List<String> tokens) throws Exception {
        CMSEnvelopedDataStreamGenerator generator = new CMSEnvelopedDataStreamGenerator();
        for (String token : tokens) {
            // The content of a token is the encryption certificate.
            CMSSignedData signed = new CMSSignedData(Files.readAllBytes(Path.of(token)));
            byte[] der = (byte[]) signed.getSignedContent().getContent();
            X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new java.io.ByteArrayInputStream(der));
            generator.addRecipientInfoGenerator(
                    new JceKeyTransRecipientInfoGenerator(certificate).setProvider("BC"));
        }
        generator.addRecipientInfoGenerator(new JceKEKRecipientInfoGenerator(kekId, kek).setProvider("BC"));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (OutputStream to = generator.open(
                out, new JceCMSContentEncryptorBuilder(CMSAlgorithm.AES128_CBC).setProvider("BC").build())) {
            to.write(content);
        }
        return out.toByteArray();
    }

    private static void unsealWithStore(String[] args) throws Exception {
        KeyStore store = open(args[1], args[2]);
        byte[] enveloped = verify(Files.readAllBytes(Path.of(args[3])), null);
        CMSEnvelopedData data = new CMSEnvelopedData(enveloped);
        for (String alias : Collections.list(store.aliases())) {
            if (!store.isKeyEntry(alias)) {
                continue;
            }
            X509Certificate certificate = (X509Certificate) store.getCertificate(alias);
            RecipientInformation recipient = data.getRecipientInfos().get(new JceKeyTransRecipientId(certificate));
            if (recipient != null) {
                PrivateKey key = (PrivateKey) store.getKey(alias, password(args[2]));
                finish(args[3], args[4], recipient.getContent(new JceKeyTransEnvelopedRecipient(key).setProvider("BC")));
                return;
            }
        }
        throw new IllegalStateException("not addressed to any key");
    }

    private static void unseal(String sealed, String clear, Recipient key, byte[] id)
            throws Exception {
        CMSEnvelopedData data = new CMSEnvelopedData(verify(Files.readAllBytes(Path.of(sealed)), null));
        finish(sealed, clear, data.getRecipientInfos().get(new KEKRecipientId(id)).getContent(key));
    }

    /** Verifies the inner signature, which must be that of the outer signer, and writes the content. */
    private static void finish(String sealed, String clear, byte[] inner) throws Exception {
        Store<X509CertificateHolder> outer =
                new CMSSignedData(Files.readAllBytes(Path.of(sealed))).getCertificates();
        Files.write(Path.of(clear), verify(inner, outer));
    }

    /** Verifies the only signature of a SignedData and returns its content. */
    private static byte[] verify(byte[] data, Store<X509CertificateHolder> known) throws Exception {
        CMSSignedData signed = new CMSSignedData(data);
        List<SignerInformation> signers = new ArrayList<>(signed.getSignerInfos().getSigners());
        Store<X509CertificateHolder> certificates = known == null ? signed.getCertificates() : known;
        SignerInformation signer = signers.get(0);
        X509CertificateHolder holder = certificates.getMatches(null).stream()
                .filter(c -> c.getIssuer().equals(signer.getSID().getIssuer())
                        && c.getSerialNumber().equals(signer.getSID().getSerialNumber()))
                .findFirst().orElseThrow();
        if (signers.size() != 1 || !signer.verify(
                new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(holder))) {
            throw new IllegalStateException("the signature is wrong");
        }
        return (byte[]) signed.getSignedContent().getContent();
    }
}

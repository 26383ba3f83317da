package org.example.ctr;

import jakarta.xml.soap.SOAPElement;
import jakarta.xml.soap.SOAPEnvelope;
import jakarta.xml.soap.SOAPException;
import jakarta.xml.soap.SOAPHeader;
import jakarta.xml.soap.SOAPHeaderElement;
import jakarta.xml.ws.WebServiceException;
import jakarta.xml.ws.handler.MessageContext;
import jakarta.xml.ws.handler.soap.SOAPHandler;
import jakarta.xml.ws.handler.soap.SOAPMessageContext;
import java.security.GeneralSecurityException;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import javax.xml.crypto.MarshalException;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignatureException;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.namespace.QName;

/**
 * Signs every request the way the eHealth platform asks for: a security header with the certificate and a timestamp, and
 * one signature over Body, timestamp and certificate. It needs nothing but the JDK and JAX-WS.
 *
 * <p>Replies are taken as they are: they come over TLS, from the server whose certificate was checked.
 */
public final class Signer implements SOAPHandler<SOAPMessageContext> {

    private static final String WSS = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-";
    private static final String WSSE = WSS + "wssecurity-secext-1.0.xsd";
    private static final String WSU = WSS + "wssecurity-utility-1.0.xsd";
    private static final String X509 = WSS + "x509-token-profile-1.0#X509v3";
    private static final String BASE64 = WSS + "soap-message-security-1.0#Base64Binary";
    private static final String RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    private static final String ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";

    /** How long a request is good for. The register takes nothing that is older than 5 minutes, whatever Expires says. */
    private static final Duration LIFETIME = Duration.ofSeconds(60);

    private final PrivateKey key;
    private final X509Certificate certificate;

    public Signer(PrivateKey key, X509Certificate certificate) {
        this.key = key;
        this.certificate = certificate;
    }

    @Override
    public boolean handleMessage(SOAPMessageContext context) {
        if ((Boolean) context.get(MessageContext.MESSAGE_OUTBOUND_PROPERTY)) {
            try {
                sign(context.getMessage().getSOAPPart().getEnvelope());
            } catch (SOAPException | GeneralSecurityException | MarshalException | XMLSignatureException e) {
                throw new WebServiceException("the request could not be signed", e);
            }
        }
        return true;
    }

    private void sign(SOAPEnvelope envelope)
            throws SOAPException, GeneralSecurityException, MarshalException, XMLSignatureException {
        SOAPHeader header = envelope.getHeader() != null ? envelope.getHeader() : envelope.addHeader();
        SOAPHeaderElement security = header.addHeaderElement(new QName(WSSE, "Security", "wsse"));
        security.setMustUnderstand(true);
        security.addNamespaceDeclaration("wsu", WSU);

        SOAPElement token = security.addChildElement("BinarySecurityToken", "wsse");
        token.setAttribute("EncodingType", BASE64);
        token.setAttribute("ValueType", X509);
        token.setTextContent(Base64.getEncoder().encodeToString(certificate.getEncoded()));

        Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
        SOAPElement timestamp = security.addChildElement("Timestamp", "wsu");
        timestamp.addChildElement("Created", "wsu").setTextContent(now.toString());
        timestamp.addChildElement("Expires", "wsu").setTextContent(now.plus(LIFETIME).toString());

        XMLSignatureFactory signatures = XMLSignatureFactory.getInstance("DOM"); // not to be shared between threads

        // The signature becomes the last child of the security header, after everything that it covers there.
        DOMSignContext target = new DOMSignContext(key, security);
        target.setDefaultNamespacePrefix("ds");
        List<Reference> references = List.of(
                reference(envelope.getBody(), target, signatures),
                reference(timestamp, target, signatures),
                reference(token, target, signatures));
        SignedInfo signedInfo = signatures.newSignedInfo(
                signatures.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null),
                signatures.newSignatureMethod(key.getAlgorithm().equals("EC") ? ECDSA_SHA256 : RSA_SHA256, null),
                references);
        KeyInfo keyInfo = signatures.getKeyInfoFactory().newKeyInfo(
                List.of(new DOMStructure(keyReference(security, token))));
        signatures.newXMLSignature(signedInfo, keyInfo).sign(target);
    }

    /** Gives the element a wsu:Id, and refers to it with SHA-256 over its exclusive canonical form. */
    private static Reference reference(SOAPElement element, DOMSignContext target, XMLSignatureFactory signatures)
            throws SOAPException, GeneralSecurityException {
        String id = "_" + UUID.randomUUID();
        // Not setAttributeNS: that does not declare the prefix in the tree. The digest would be made without xmlns:wsu, the
        // message be sent with it, and the register answer DIGEST_MISMATCH.
        element.addAttribute(new QName(WSU, "Id", "wsu"), id);
        target.setIdAttributeNS(element, WSU, "Id"); // else the JDK does not find it: "Cannot resolve element with ID"
        return signatures.newReference("#" + id,
                signatures.newDigestMethod(DigestMethod.SHA256, null),
                List.of(signatures.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null)),
                null, null);
    }

    /** Says which certificate belongs to the signature: that of the token in the same header. */
    private static SOAPElement keyReference(SOAPElement security, SOAPElement token) throws SOAPException {
        SOAPElement keyReference = security.addChildElement("SecurityTokenReference", "wsse");
        SOAPElement direct = keyReference.addChildElement("Reference", "wsse");
        direct.setAttribute("URI", "#" + token.getAttributeNS(WSU, "Id"));
        direct.setAttribute("ValueType", X509);
        keyReference.detachNode(); // it was made in the header for its namespaces; its place is in the signature
        return keyReference;
    }

    /** Tells JAX-WS that the security header of a signed reply, which must be understood, is dealt with here. */
    @Override
    public Set<QName> getHeaders() {
        return Set.of(new QName(WSSE, "Security"));
    }

    @Override
    public boolean handleFault(SOAPMessageContext context) {
        return true;
    }

    @Override
    public void close(MessageContext context) {
        // nothing is kept between messages
    }
}

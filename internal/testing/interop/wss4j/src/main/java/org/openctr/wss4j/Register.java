package org.openctr.wss4j;

import jakarta.xml.soap.SOAPBody;
import jakarta.xml.soap.SOAPElement;
import jakarta.xml.soap.SOAPException;
import jakarta.xml.soap.SOAPMessage;
import java.io.IOException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.UUID;
import org.apache.wss4j.common.ext.WSSecurityException;
import org.w3c.dom.Element;

/** The operations of the register, with what every request has in common filled in. */
final class Register {

    private static final String PROTOCOL = "urn:be:fgov:ehealth:ctr:protocol:v1";
    private static final String CORE = "urn:be:fgov:ehealth:ctr:core:v1";
    private static final String COMMONS = "urn:be:fgov:ehealth:commons:core:v2";

    /** Fills in what one operation asks. */
    interface Content {
        void into(SOAPElement request) throws SOAPException;
    }

    private final Connection connection;
    private final MessageSigner signer;
    private final Author author;

    Register(Connection connection, MessageSigner signer, Author author) {
        this.connection = connection;
        this.signer = signer;
        this.author = author;
    }

    /** Who acts, inside the organisation whose certificate signs. */
    record Author(String ssin, String firstName, String name) {
    }

    /** An answer; the message stays with its element, because it holds the attachments. */
    record Answer(SOAPMessage message, Element element) {

        String text(String path) {
            return Elements.text(element, path);
        }

        /** Binary content: base64 in the element itself, or an attachment to which an xop:Include in it refers. */
        byte[] bytes(String path) throws SOAPException {
            Element content = Elements.element(element, path);
            if (Elements.element(content, "Include") instanceof SOAPElement include) {
                return message.getAttachment(include).getRawContentBytes();
            }
            return Base64.getDecoder().decode(content.getTextContent());
        }
    }

    /** Calls an operation; its name is that of the request without the word Request. */
    Answer call(String operation, Content content)
            throws Refusal, IOException, InterruptedException, SOAPException, WSSecurityException {
        SOAPMessage message = connection.newMessage();
        SOAPElement request = message.getSOAPBody().addChildElement(operation + "Request", "ctrp", PROTOCOL);
        request.addNamespaceDeclaration("ctr", CORE);
        request.addNamespaceDeclaration("cc", COMMONS);
        request.setAttribute("Id", "_" + UUID.randomUUID()); // an xs:ID cannot begin with a digit
        request.setAttribute("IssueInstant", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        SOAPElement party = Elements.add(Elements.add(request, "ctrp:Author"), "cc:HcParty");
        Elements.add(party, "cc:Id", author.ssin()).setAttribute("Type", "urn:be:fgov:person:ssin");
        Elements.add(party, "cc:FirstName", author.firstName());
        Elements.add(party, "cc:Name", author.name());
        content.into(request);

        signer.sign(message.getSOAPPart()); // last: nothing may change afterwards
        SOAPMessage answer = connection.post(message, PROTOCOL + ":" + operation);
        SOAPBody body = answer.getSOAPBody();
        if (body.hasFault()) {
            throw Refusal.of(body.getFault());
        }
        return new Answer(answer, Elements.children(body).get(0));
    }
}

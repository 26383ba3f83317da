package org.example.ctr;

import be.fgov.ehealth.ctr.core.v1.CardType;
import be.fgov.ehealth.ctr.core.v1.RegisteredImplantType;
import be.fgov.ehealth.ctr.protocol.v1.BusinessError;
import be.fgov.ehealth.ctr.protocol.v1.CtrPortType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantResponseType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantRequestType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantResponseType;
import be.fgov.ehealth.ctr.protocol.v1.SearchResponseType;
import be.fgov.ehealth.ctr.protocol.v1.SystemError;
import com.sun.xml.ws.util.RuntimeVersion;
import jakarta.xml.bind.JAXBException;
import jakarta.xml.ws.WebServiceException;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.io.IOException;
import java.nio.file.Files;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.StringJoiner;
import java.util.UUID;
import java.util.stream.Collectors;
import javax.xml.datatype.DatatypeConfigurationException;

/** Walks through the main job of the register: a notification, its search, its card, an explantation, a refusal. */
public final class Main {

    private Main() {
    }

    public static void main(String[] arguments) {
        try {
            System.out.println(walk(Options.parse(arguments)));
        } catch (BusinessError | SystemError refusal) {
            fail("refused: " + refusal.getMessage());
        } catch (WebServiceException | IOException | GeneralSecurityException | JAXBException
                | DatatypeConfigurationException | IllegalArgumentException | IllegalStateException e) {
            fail(e.toString());
        }
    }

    private static String walk(Options options) throws BusinessError, SystemError, IOException, GeneralSecurityException,
            JAXBException, DatatypeConfigurationException {
        Credentials credentials = Credentials.load(options.p12(), options.password());
        CtrPortType register = Register.connect(options, credentials);
        Requests requests = new Requests();
        String serialNumber = "J-" + UUID.randomUUID().toString().substring(24).toUpperCase();

        NotifyImplantResponseType notified = register.notifyImplant(requests.implantation(serialNumber));
        String number = notified.getReceipt().getNotificationNumber();
        RegisteredImplantType implant = notified.getImplant().get(0);
        expect(implant.getLotNumber().equals("L2201"), "the lot number comes from the UDI");
        expect(implant.getSerialNumber().equals(serialNumber), "the serial number comes from the UDI");
        expect(implant.getExpiryDate().toXMLFormat().equals("2029-12-31"), "the expiry date comes from the UDI");
        expect(notified.getWarning().isEmpty(), "no warning");

        SearchResponseType found = register.search(requests.search(number));
        expect(found.getTotal() == 1, "the search finds the notification");

        CardType card = register.getImplantCard(requests.card(number)).getCard();
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(card.getContent());
        expect(MessageDigest.isEqual(digest, card.getDigest()), "the digest of the card is that of its content");
        Files.write(options.card(), card.getContent());

        NotifyExplantResponseType explanted = register.notifyExplant(requests.explantation(implant.getImplantId()));
        expect(explanted.getImplant().get(0).getRemaining() == 0, "nothing remains of the implant");

        return object(
                "toolkit", text((options.policy() ? "Metro " : "JAX-WS RI ") + RuntimeVersion.VERSION.MAJOR_VERSION),
                "soap", text(options.soap()),
                "key", text(credentials.key().getAlgorithm()),
                "mtom", String.valueOf(options.mtom()),
                "number", text(number),
                "device", text(implant.getDevice().getName()),
                "found", String.valueOf(found.getTotal()),
                "card", text(options.card().toString()),
                "explanted", text(explanted.getReceipt().getNotificationNumber()),
                "refused", refusal(register, requests.mistaken(serialNumber)));
    }

    /** Sends a notification with mistakes, and tells what the register says about each. */
    private static String refusal(CtrPortType register, NotifyImplantRequestType mistaken)
            throws SystemError, JAXBException {
        Refusal refusal;
        try {
            register.notifyImplant(mistaken);
            throw new IllegalStateException("not as expected: a notification with two mistakes is refused");
        } catch (BusinessError refused) {
            refusal = RefusalKeeper.of(register);
        } catch (SOAPFaultException refused) { // Metro does not make a BusinessError of it; see wsit-client.xml
            refusal = Refusal.read(refused.getFault());
        }
        return object(
                "code", text(refusal.code()),
                "message", text(refusal.message()),
                "violations", refusal.violations().stream()
                        .map(violation -> object("code", text(violation.getCode()), "path", text(violation.getPath())))
                        .collect(Collectors.joining(",", "[", "]")));
    }

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }

    private static void fail(String reason) {
        System.err.println(reason);
        System.exit(1);
    }

    /** A JSON object of names and values, each value already in JSON. */
    private static String object(String... members) {
        StringJoiner object = new StringJoiner(",", "{", "}");
        for (int i = 0; i < members.length; i += 2) {
            object.add(text(members[i]) + ":" + members[i + 1]);
        }
        return object.toString();
    }

    /** A JSON string. */
    private static String text(String value) {
        StringBuilder text = new StringBuilder("\"");
        for (char c : value.toCharArray()) {
            if (c == '"' || c == '\\') {
                text.append('\\').append(c);
            } else if (c < ' ') {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        return text.append('"').toString();
    }
}

package org.openctr.client;

import be.fgov.ehealth.ctr.core.v1.CardType;
import be.fgov.ehealth.ctr.core.v1.ImplantationType;
import be.fgov.ehealth.ctr.core.v1.RegisteredImplantType;
import be.fgov.ehealth.ctr.core.v1.ViolationType;
import be.fgov.ehealth.ctr.protocol.v1.CtrPortType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantResponseType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantResponseType;
import be.fgov.ehealth.ctr.protocol.v1.SearchResponseType;
import com.fasterxml.jackson.jr.ob.JSON;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.cxf.version.Version;

/** Walks through the main job once: a notification, its search, its implant card, an explantation, and a refusal. */
public final class Client {

    private Client() {
    }

    public static void main(String[] arguments) {
        Logger.getLogger("").setLevel(Level.SEVERE); // below that, CXF logs what it throws as well
        try {
            Options options = Options.parse(arguments);
            SigningKey key = SigningKey.read(options.p12(), options.password());
            Map<String, Object> told = new LinkedHashMap<>();
            told.put("toolkit", Version.getCompleteVersionString());
            told.put("soap", options.soap());
            told.put("key", key.type());
            told.put("mtom", options.mtom());
            walk(Register.connect(options, key), options, told);
            System.out.println(JSON.std.asString(told));
        } catch (Exception e) {
            System.err.println(explain(e));
            System.exit(1);
        }
    }

    private static void walk(CtrPortType register, Options options, Map<String, Object> told) throws Exception {
        Requests requests = new Requests();
        String serial = "C-" + UUID.randomUUID().toString().substring(24);

        NotifyImplantResponseType notified = register.notifyImplant(requests.notifyImplant(requests.implantation(serial)));
        String number = notified.getReceipt().getNotificationNumber();
        RegisteredImplantType implant = notified.getImplant().get(0);
        expect("L2201".equals(implant.getLotNumber()) && serial.equals(implant.getSerialNumber()),
                "lot and serial number come from the UDI");
        expect(requests.day(LocalDate.of(2029, 12, 31)).equals(implant.getExpiryDate()),
                "the expiry date comes from the UDI");
        expect(notified.getWarning().isEmpty(), "no warning");
        told.put("number", number);
        told.put("device", implant.getDevice().getName());

        SearchResponseType found = register.search(requests.search(number));
        expect(found.getTotal() == 1, "the search finds the notification");
        told.put("found", found.getTotal());

        CardType card = register.getImplantCard(requests.getImplantCard(number)).getCard();
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(card.getContent());
        expect(MessageDigest.isEqual(digest, card.getDigest()), "the digest of the card is that of its content");
        Files.write(options.card(), card.getContent());
        told.put("card", options.card().toString());

        NotifyExplantResponseType removed = register.notifyExplant(requests.notifyExplant(implant.getImplantId()));
        expect(removed.getImplant().get(0).getRemaining() == 0, "nothing remains of the implant");
        told.put("explanted", removed.getReceipt().getNotificationNumber());

        ImplantationType wrong = requests.implantation(serial);
        wrong.setPrescriptionDate(requests.day(LocalDate.now())); // after the operation
        wrong.getImplant().get(0).setLotNumber("L9999"); // not the one in the UDI
        try {
            register.notifyImplant(requests.notifyImplant(wrong));
            expect(false, "a notification with two mistakes is refused");
        } catch (SOAPFaultException e) {
            Refusal refusal = Refusal.of(e);
            expect(refusal.violations().size() == 2, "both mistakes are told");
            told.put("refused", tell(refusal));
        }
    }

    private static Map<String, Object> tell(Refusal refusal) {
        List<Map<String, String>> violations = new ArrayList<>();
        for (ViolationType violation : refusal.violations()) {
            Map<String, String> one = new LinkedHashMap<>();
            one.put("code", violation.getCode());
            one.put("path", violation.getPath());
            violations.add(one);
        }
        Map<String, Object> told = new LinkedHashMap<>();
        told.put("code", refusal.code());
        told.put("message", refusal.message());
        told.put("violations", violations);
        return told;
    }

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }

    /** What the register said, or else what went wrong on the way to it. */
    private static String explain(Exception e) {
        if (e instanceof SOAPFaultException fault && fault.getFault().hasDetail()) {
            Refusal refusal = Refusal.of(fault);
            return refusal.code() + ": " + refusal.message();
        }
        Throwable root = e;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root == e ? e.getMessage() : e.getMessage() + " (" + root + ")";
    }
}

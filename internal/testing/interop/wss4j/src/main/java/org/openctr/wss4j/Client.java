package org.openctr.wss4j;

import static org.openctr.wss4j.Elements.add;

import jakarta.json.Json;
import jakarta.json.JsonArrayBuilder;
import jakarta.json.JsonObject;
import jakarta.xml.soap.SOAPElement;
import jakarta.xml.soap.SOAPException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.util.Base64;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.wss4j.dom.message.WSSecSignature;

/** Walks through the main job: a notification, its search, its implant card, an explantation, and one refusal. */
public final class Client {

    private static final Register.Author SURGEON = new Register.Author("78031412250", "Anna", "Claes");
    private static final String PATIENT = "48022907379";

    private final Register register;
    private final LocalDate today = LocalDate.now();
    private final String serial = "W-" + UUID.randomUUID().toString().substring(0, 13);

    private Client(Register register) {
        this.register = register;
    }

    public static void main(String[] arguments) {
        try {
            Options options = Options.parse(arguments);
            // A line break at the end of the file is not part of the password.
            String password = Files.readString(options.path("password-file")).lines().findFirst().orElse("");
            MessageSigner signer = new MessageSigner(options.path("p12"), password);
            Connection connection = new Connection(
                URI.create(options.get("url")), options.path("ca"), options.get("soap").equals("1.2"), options.mtom());
            Client client = new Client(new Register(connection, signer, SURGEON));
            System.out.println(client.walk(options, signer.keyAlgorithm()));
        } catch (Refusal refusal) {
            fail("refused: " + refusal.code() + " " + refusal.violations() + ": " + refusal.getMessage());
        } catch (IllegalArgumentException | IllegalStateException mistake) {
            fail(mistake.getMessage());
        } catch (Exception failure) {
            fail(failure.toString());
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(1);
    }

    private JsonObject walk(Options options, String keyAlgorithm) throws Exception {
        Register.Answer placed = register.call("NotifyImplant", request -> {
            // Your own key for this notification: when no answer comes, send it again with the same one.
            add(request, "ctrp:InputReference", "WSS4J-" + UUID.randomUUID());
            implantation(add(request, "ctrp:Implantation"), today.minusDays(19), null);
        });
        String number = placed.text("Receipt/NotificationNumber");
        expect(serial.equals(placed.text("Implant/SerialNumber")), "the serial number comes from the UDI");
        expect("L2201".equals(placed.text("Implant/LotNumber")), "the lot number comes from the UDI");
        expect("2029-12-31".equals(placed.text("Implant/ExpiryDate")), "the expiry date comes from the UDI");
        expect(placed.text("Warning") == null, "there is no warning");

        Register.Answer search = register.call("Search", request -> {
            request.setAttribute("Offset", "0");
            request.setAttribute("MaxElements", "20");
            SOAPElement criteria = add(request, "ctrp:Criteria");
            add(add(criteria, "ctrp:ByNotification"), "ctrp:NotificationNumber", number);
        });
        expect("1".equals(search.text("Total")), "the search finds the notification");

        Register.Answer card = register.call("GetImplantCard", request ->
            add(add(request, "ctrp:Of"), "ctrp:NotificationNumber", number));
        byte[] document = card.bytes("Card/Content");
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(document);
        expect(Base64.getEncoder().encodeToString(digest).equals(card.text("Card/Digest")), "the card is complete");
        Files.write(options.path("card"), document);

        Register.Answer removed = register.call("NotifyExplant", request -> {
            add(request, "ctrp:InputReference", "WSS4J-" + UUID.randomUUID());
            explantation(add(request, "ctrp:Explantation"), placed.text("Implant/ImplantId"));
        });
        expect("0".equals(removed.text("Implant/Remaining")), "nothing remains of the implant");

        return Json.createObjectBuilder()
            .add("toolkit", "Apache WSS4J " + WSSecSignature.class.getPackage().getImplementationVersion())
            .add("soap", options.get("soap"))
            .add("key", keyAlgorithm)
            .add("mtom", options.mtom())
            .add("number", number)
            .add("device", placed.text("Implant/Device/Name"))
            .add("found", Integer.parseInt(search.text("Total")))
            .add("card", options.get("card"))
            .add("explanted", removed.text("Receipt/NotificationNumber"))
            .add("refused", refused())
            .build();
    }

    /** Sends a notification with two mistakes and reads what the fault says of them. */
    private JsonObject refused() throws Exception {
        try {
            register.call("NotifyImplant", request -> {
                add(request, "ctrp:InputReference", "WSS4J-" + UUID.randomUUID());
                implantation(add(request, "ctrp:Implantation"), today, "L9999"); // prescribed too late, another lot
            });
        } catch (Refusal refusal) {
            Set<String> codes = refusal.violations().stream().map(Refusal.Violation::code).collect(Collectors.toSet());
            expect(codes.equals(Set.of("PRESCRIPTION_AFTER_OPERATION", "LOT_CONTRADICTS_UDI")), "both mistakes are told");
            JsonArrayBuilder violations = Json.createArrayBuilder();
            for (Refusal.Violation violation : refusal.violations()) {
                violations.add(Json.createObjectBuilder().add("code", violation.code()).add("path", violation.path()));
            }
            return Json.createObjectBuilder()
                .add("code", refusal.code())
                .add("message", refusal.getMessage())
                .add("violations", violations)
                .build();
        }
        throw new IllegalStateException("not as expected: a notification with two mistakes is refused");
    }

    /** The implantation of a component of a knee, two days ago. The elements stand in the order of the schema. */
    private void implantation(SOAPElement implantation, LocalDate prescribed, String lot) throws SOAPException {
        add(add(implantation, "ctr:Specialist"), "ctr:SSIN", SURGEON.ssin());
        add(implantation, "ctr:OperationDate", today.minusDays(2).toString());
        add(implantation, "ctr:Patient", PATIENT);
        add(add(implantation, "ctr:Prescriber"), "ctr:NIHII", "17800389480");
        add(implantation, "ctr:PrescriptionDate", prescribed.toString());
        add(implantation, "ctr:Comment", "revision of the left knee");
        SOAPElement implant = add(implantation, "ctr:Implant");
        add(implant, "ctr:NotificationCode", "000071200176");
        add(implant, "ctr:UDI", "(01)05410000001047(17)291231(10)L2201(21)" + serial);
        if (lot != null) {
            add(implant, "ctr:LotNumber", lot);
        }
        add(implant, "ctr:Quantity", "1");
        add(implant, "ctr:Location", "left knee");
        add(implant, "ctr:Side", "Left");
    }

    /** The removal of that component, yesterday. */
    private void explantation(SOAPElement explantation, String implantId) throws SOAPException {
        add(add(explantation, "ctr:Specialist"), "ctr:SSIN", SURGEON.ssin());
        add(explantation, "ctr:OperationDate", today.minusDays(1).toString());
        add(explantation, "ctr:Patient", PATIENT);
        SOAPElement explant = add(explantation, "ctr:Explant");
        add(explant, "ctr:ImplantId", implantId);
        add(explant, "ctr:Quantity", "1");
        add(explant, "ctr:Reason", "loosening");
    }

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }
}

package org.openctr.rampart;

import static org.openctr.rampart.Elements.add;

import jakarta.json.Json;
import jakarta.json.JsonArrayBuilder;
import jakarta.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.util.Base64;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.axiom.om.OMElement;
import org.apache.axiom.om.OMText;
import org.apache.axis2.AxisFault;

/** Walks through the main job: a notification, its search, its implant card, an explantation, and one refusal. */
public final class Client {

    private static final String SURGEON = "78031412250";
    private static final String PATIENT = "48022907379";

    private final Register register;
    private final LocalDate today = LocalDate.now();
    private final String serial = "R-" + UUID.randomUUID().toString().substring(0, 13);

    private Client(Register register) {
        this.register = register;
    }

    public static void main(String[] arguments) {
        // Without a logger of yours, commons-logging writes to java.util.logging; it would repeat every fault.
        java.util.logging.LogManager.getLogManager().reset();
        try {
            Options options = Options.parse(arguments);
            // A line break at the end of the file is not part of the password.
            String password = Files.readString(options.path("password-file")).lines().findFirst().orElse("");
            System.out.println(new Client(new Register(options, password)).walk(options));
            System.exit(0); // threads of Axis2 would keep the program running
        } catch (IllegalArgumentException | IllegalStateException mistake) {
            fail(mistake.getMessage());
        } catch (AxisFault fault) {
            fail(fault.getFaultDetailElement() == null ? fault.toString() : Refusal.of(fault).toString());
        } catch (Exception failure) {
            fail(failure.toString());
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(1);
    }

    private JsonObject walk(Options options) throws Exception {
        OMElement placed = register.call("NotifyImplant", request -> {
            author(request);
            // Your own key for this notification: when no answer comes, send it again with the same one.
            add(request, "ctrp:InputReference", "RAMPART-" + UUID.randomUUID());
            implantation(add(request, "ctrp:Implantation"), today.minusDays(19), null);
        });
        String number = Elements.text(placed, "Receipt/NotificationNumber");
        expect(serial.equals(Elements.text(placed, "Implant/SerialNumber")), "the serial number comes from the UDI");
        expect("L2201".equals(Elements.text(placed, "Implant/LotNumber")), "the lot number comes from the UDI");
        expect(Elements.element(placed, "Warning") == null, "there is no warning");

        OMElement found = register.call("Search", request -> {
            request.addAttribute("Offset", "0", null);
            request.addAttribute("MaxElements", "20", null);
            author(request);
            add(add(add(request, "ctrp:Criteria"), "ctrp:ByNotification"), "ctrp:NotificationNumber", number);
        });
        expect("1".equals(Elements.text(found, "Total")), "the search finds the notification");

        OMElement card = register.call("GetImplantCard", request -> {
            author(request);
            add(add(request, "ctrp:Of"), "ctrp:NotificationNumber", number);
        });
        byte[] document = bytes(Elements.element(card, "Card/Content"));
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(document);
        expect(Base64.getEncoder().encodeToString(digest).equals(Elements.text(card, "Card/Digest")),
            "the card is complete");
        Files.write(options.path("card"), document);

        OMElement removed = register.call("NotifyExplant", request -> {
            author(request);
            add(request, "ctrp:InputReference", "RAMPART-" + UUID.randomUUID());
            explantation(add(request, "ctrp:Explantation"), Elements.text(placed, "Implant/ImplantId"));
        });
        expect("0".equals(Elements.text(removed, "Implant/Remaining")), "nothing remains of the implant");

        return Json.createObjectBuilder()
            .add("toolkit", "Apache Axis2 1.7.6, Rampart 1.7.1")
            .add("soap", options.get("soap"))
            .add("key", "RSA")
            .add("mtom", options.mtom())
            .add("number", number)
            .add("device", Elements.text(placed, "Implant/Device/Name"))
            .add("found", Integer.parseInt(Elements.text(found, "Total")))
            .add("card", options.get("card"))
            .add("explanted", Elements.text(removed, "Receipt/NotificationNumber"))
            .add("refused", refused())
            .build();
    }

    /** Binary content: an attachment of which Axiom made the text, or base64. */
    private static byte[] bytes(OMElement content) throws IOException {
        OMText text = (OMText) content.getFirstOMChild();
        if (text.isOptimized()) {
            return ((javax.activation.DataHandler) text.getDataHandler()).getInputStream().readAllBytes();
        }
        return Base64.getDecoder().decode(content.getText());
    }

    /** Sends a notification with two mistakes and reads what the fault says of them. */
    private JsonObject refused() throws Exception {
        try {
            register.call("NotifyImplant", request -> {
                author(request);
                add(request, "ctrp:InputReference", "RAMPART-" + UUID.randomUUID());
                implantation(add(request, "ctrp:Implantation"), today, "L9999"); // prescribed too late, another lot
            });
        } catch (AxisFault fault) {
            Refusal refusal = Refusal.of(fault);
            Set<String> codes = refusal.violations().stream().map(Refusal.Violation::code).collect(Collectors.toSet());
            expect(codes.equals(Set.of("PRESCRIPTION_AFTER_OPERATION", "LOT_CONTRADICTS_UDI")), "both mistakes are told");
            JsonArrayBuilder violations = Json.createArrayBuilder();
            for (Refusal.Violation violation : refusal.violations()) {
                violations.add(Json.createObjectBuilder().add("code", violation.code()).add("path", violation.path()));
            }
            return Json.createObjectBuilder()
                .add("code", refusal.code())
                .add("message", refusal.message())
                .add("violations", violations)
                .build();
        }
        throw new IllegalStateException("not as expected: a notification with two mistakes is refused");
    }

    /** Who acts, inside the hospital whose certificate signs. */
    private static void author(OMElement request) {
        OMElement party = add(add(request, "ctrp:Author"), "cc:HcParty");
        add(party, "cc:Id", SURGEON).addAttribute("Type", "urn:be:fgov:person:ssin", null);
        add(party, "cc:FirstName", "Anna");
        add(party, "cc:Name", "Claes");
    }

    /** The implantation of a component of a knee, two days ago. The elements stand in the order of the schema. */
    private void implantation(OMElement implantation, LocalDate prescribed, String lot) {
        add(add(implantation, "ctr:Specialist"), "ctr:SSIN", SURGEON);
        add(implantation, "ctr:OperationDate", today.minusDays(2).toString());
        add(implantation, "ctr:Patient", PATIENT);
        add(add(implantation, "ctr:Prescriber"), "ctr:NIHII", "17800389480");
        add(implantation, "ctr:PrescriptionDate", prescribed.toString());
        add(implantation, "ctr:Comment", "revision of the left knee");
        OMElement implant = add(implantation, "ctr:Implant");
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
    private void explantation(OMElement explantation, String implantId) {
        add(add(explantation, "ctr:Specialist"), "ctr:SSIN", SURGEON);
        add(explantation, "ctr:OperationDate", today.minusDays(1).toString());
        add(explantation, "ctr:Patient", PATIENT);
        OMElement explant = add(explantation, "ctr:Explant");
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

package org.openctr.axis1;

import jakarta.json.Json;
import jakarta.json.JsonArrayBuilder;
import jakarta.json.JsonObject;
import java.net.URL;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.axis.AxisFault;
import org.openctr.axis1.generated.CardType;
import org.openctr.axis1.generated.CtrBindingStub;
import org.openctr.axis1.generated.ImplantationType;
import org.openctr.axis1.generated.NotifyExplantResponseType;
import org.openctr.axis1.generated.NotifyImplantResponseType;
import org.openctr.axis1.generated.RegisteredImplantType;
import org.openctr.axis1.generated.SearchResponseType;

/** Walks through the main job: a notification, its search, its implant card, an explantation, and one refusal. */
public final class Client {

    private final CtrBindingStub register;
    private final String serial = "A-" + UUID.randomUUID().toString().substring(0, 13);

    private Client(CtrBindingStub register) {
        this.register = register;
    }

    public static void main(String[] arguments) {
        try {
            Options options = Options.parse(arguments);
            if (options.mtom() || !options.get("soap").equals("1.1")) {
                throw new IllegalArgumentException("Axis 1.4 has no MTOM, and speaks SOAP 1.1 here");
            }
            // A line break at the end of the file is not part of the password.
            String password = Files.readString(options.path("password-file")).lines().findFirst().orElse("");
            CtrBindingStub register = Register.connect(
                new URL(options.get("url")), options.path("ca"), options.path("p12"), password);
            System.out.println(new Client(register).walk(options));
        } catch (IllegalArgumentException | IllegalStateException mistake) {
            fail(mistake.getMessage());
        } catch (AxisFault fault) {
            fail(fault.dumpToString()); // with the detail, or the stack of what failed before a response came
        } catch (Exception failure) {
            fail(failure.toString());
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(1);
    }

    private JsonObject walk(Options options) throws Exception {
        NotifyImplantResponseType placed =
            register.notifyImplant(Requests.notifyImplant(Requests.implantation(serial)));
        String number = placed.getReceipt().getNotificationNumber();
        RegisteredImplantType implant = placed.getImplant()[0];
        expect(serial.equals(implant.getSerialNumber()), "the serial number comes from the UDI");
        expect("L2201".equals(implant.getLotNumber()), "the lot number comes from the UDI");
        expect(placed.getWarning() == null, "there is no warning");

        SearchResponseType found = register.search(Requests.search(number));
        expect(found.getTotal() == 1, "the search finds the notification");

        CardType card = register.getImplantCard(Requests.getImplantCard(number)).getCard();
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(card.getContent());
        expect(MessageDigest.isEqual(digest, card.getDigest()), "the card is complete");
        Files.write(options.path("card"), card.getContent());

        NotifyExplantResponseType removed = register.notifyExplant(Requests.notifyExplant(implant.getImplantId()));
        expect(removed.getImplant()[0].getRemaining() == 0, "nothing remains of the implant");

        return Json.createObjectBuilder()
            .add("toolkit", "Apache Axis 1.4, WSS4J 1.5.12")
            .add("soap", "1.1")
            .add("key", "RSA")
            .add("mtom", false)
            .add("number", number)
            .add("device", implant.getDevice().getName())
            .add("found", found.getTotal())
            .add("card", options.get("card"))
            .add("explanted", removed.getReceipt().getNotificationNumber())
            .add("refused", refused())
            .build();
    }

    /** Sends a notification with two mistakes and reads what the fault says of them. */
    private JsonObject refused() throws Exception {
        ImplantationType wrong = Requests.implantation(serial);
        wrong.setPrescriptionDate(Requests.daysAgo(0)); // after the operation
        wrong.getImplant(0).setLotNumber("L9999"); // not the one in the UDI
        try {
            register.notifyImplant(Requests.notifyImplant(wrong));
        } catch (AxisFault fault) {
            Refusal refusal = Refusal.of(register);
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

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }
}

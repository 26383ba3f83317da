package org.openctr.springws;

import be.fgov.ehealth.commons.core.v2.ActorType;
import be.fgov.ehealth.commons.core.v2.AuthorType;
import be.fgov.ehealth.commons.core.v2.Id;
import be.fgov.ehealth.ctr.core.v1.CardType;
import be.fgov.ehealth.ctr.core.v1.ExplantType;
import be.fgov.ehealth.ctr.core.v1.ExplantationType;
import be.fgov.ehealth.ctr.core.v1.ImplantationType;
import be.fgov.ehealth.ctr.core.v1.NotifiedImplantType;
import be.fgov.ehealth.ctr.core.v1.ProfessionalType;
import be.fgov.ehealth.ctr.core.v1.RegisteredImplantType;
import be.fgov.ehealth.ctr.core.v1.SideType;
import be.fgov.ehealth.ctr.core.v1.ViolationType;
import be.fgov.ehealth.ctr.protocol.v1.ByNotificationType;
import be.fgov.ehealth.ctr.protocol.v1.CardOfType;
import be.fgov.ehealth.ctr.protocol.v1.GetImplantCardRequest;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantRequest;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantResponse;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantRequest;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantResponse;
import be.fgov.ehealth.ctr.protocol.v1.SearchCriteriaType;
import be.fgov.ehealth.ctr.protocol.v1.SearchRequest;
import be.fgov.ehealth.ctr.protocol.v1.SearchResponse;
import jakarta.json.Json;
import jakarta.json.JsonArrayBuilder;
import jakarta.json.JsonObject;
import java.nio.file.Files;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.time.LocalDate;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import org.springframework.beans.BeansException;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.ws.client.core.WebServiceTemplate;

/** Walks through the main job: a notification, its search, its implant card, an explantation, and one refusal. */
public final class Client {

    private static final String SURGEON = "78031412250";
    private static final String PATIENT = "48022907379";

    private final Register register;
    private final LocalDate today = LocalDate.now();
    private final String serial = "S-" + UUID.randomUUID().toString().substring(0, 13);

    private Client(Register register) {
        this.register = register;
    }

    public static void main(String[] arguments) {
        try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
            Options options = Options.parse(arguments);
            context.registerBean(Options.class, () -> options);
            context.register(RegisterConfiguration.class);
            context.refresh();
            String keyAlgorithm = RegisterConfiguration.algorithm(context.getBean(KeyStore.class));
            System.out.println(new Client(context.getBean(Register.class)).walk(options, keyAlgorithm));
        } catch (Refusal refusal) {
            fail("refused: " + refusal.code() + " " + codes(refusal) + ": " + refusal.getMessage());
        } catch (IllegalArgumentException | IllegalStateException mistake) {
            fail(mistake.getMessage());
        } catch (Exception failure) {
            Throwable cause = failure;
            while (cause instanceof BeansException && cause.getCause() != null) {
                cause = cause.getCause(); // which bean it was does not matter
            }
            fail(cause.getCause() == null ? cause.toString() : cause + " (" + cause.getCause() + ")");
        }
    }

    private static void fail(String why) {
        System.err.println(why);
        System.exit(1);
    }

    private static Set<String> codes(Refusal refusal) {
        return refusal.violations().stream().map(ViolationType::getCode).collect(Collectors.toSet());
    }

    private JsonObject walk(Options options, String keyAlgorithm) throws Exception {
        NotifyImplantRequest notification = new NotifyImplantRequest();
        notification.setAuthor(author());
        // Your own key for this notification: when no answer comes, send it again with the same one.
        notification.setInputReference("SPRING-" + UUID.randomUUID());
        notification.setImplantation(implantation());
        NotifyImplantResponse placed = register.notifyImplant(notification);
        String number = placed.getReceipt().getNotificationNumber();
        RegisteredImplantType implant = placed.getImplants().get(0);
        expect(serial.equals(implant.getSerialNumber()), "the serial number comes from the UDI");
        expect("L2201".equals(implant.getLotNumber()), "the lot number comes from the UDI");
        expect(LocalDate.of(2029, 12, 31).equals(implant.getExpiryDate()), "the expiry date comes from the UDI");
        expect(placed.getWarnings().isEmpty(), "there is no warning");

        SearchResponse found = register.search(searchFor(number));
        expect(found.getTotal() == 1, "the search finds the notification");

        CardType card = register.getImplantCard(cardOf(number)).getCard();
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(card.getContent());
        expect(MessageDigest.isEqual(digest, card.getDigest()), "the card is complete");
        Files.write(options.path("card"), card.getContent());

        NotifyExplantRequest removal = new NotifyExplantRequest();
        removal.setAuthor(author());
        removal.setInputReference("SPRING-" + UUID.randomUUID());
        removal.setExplantation(explantation(implant.getImplantId()));
        NotifyExplantResponse removed = register.notifyExplant(removal);
        expect(removed.getImplants().get(0).getRemaining() == 0, "nothing remains of the implant");

        return Json.createObjectBuilder()
            .add("toolkit", "Spring Web Services " + WebServiceTemplate.class.getPackage().getImplementationVersion())
            .add("soap", options.get("soap"))
            .add("key", keyAlgorithm)
            .add("mtom", options.mtom())
            .add("number", number)
            .add("device", implant.getDevice().getName())
            .add("found", found.getTotal())
            .add("card", options.get("card"))
            .add("explanted", removed.getReceipt().getNotificationNumber())
            .add("refused", refused())
            .build();
    }

    /** Sends a notification with two mistakes and reads what the fault says of them. */
    private JsonObject refused() {
        NotifyImplantRequest wrong = new NotifyImplantRequest();
        wrong.setAuthor(author());
        wrong.setInputReference("SPRING-" + UUID.randomUUID());
        wrong.setImplantation(implantation());
        wrong.getImplantation().setPrescriptionDate(today); // after the operation
        wrong.getImplantation().getImplants().get(0).setLotNumber("L9999"); // another than in the UDI
        try {
            register.notifyImplant(wrong);
        } catch (Refusal refusal) {
            expect(codes(refusal).equals(Set.of("PRESCRIPTION_AFTER_OPERATION", "LOT_CONTRADICTS_UDI")),
                "both mistakes are told");
            JsonArrayBuilder violations = Json.createArrayBuilder();
            for (ViolationType violation : refusal.violations()) {
                violations.add(Json.createObjectBuilder()
                    .add("code", violation.getCode())
                    .add("path", violation.getPath()));
            }
            return Json.createObjectBuilder()
                .add("code", refusal.code())
                .add("message", refusal.getMessage())
                .add("violations", violations)
                .build();
        }
        throw new IllegalStateException("not as expected: a notification with two mistakes is refused");
    }

    /** Who acts, inside the organisation whose certificate signs. */
    private static AuthorType author() {
        Id id = new Id();
        id.setType("urn:be:fgov:person:ssin");
        id.setValue(SURGEON);
        ActorType surgeon = new ActorType();
        surgeon.getIds().add(id);
        surgeon.getFirstNames().add("Anna");
        surgeon.setName("Claes");
        AuthorType author = new AuthorType();
        author.getHcParties().add(surgeon);
        return author;
    }

    /** The implantation of a component of a knee, two days ago. */
    private ImplantationType implantation() {
        NotifiedImplantType implant = new NotifiedImplantType();
        implant.setNotificationCode("000071200176");
        implant.setUDI("(01)05410000001047(17)291231(10)L2201(21)" + serial);
        implant.setQuantity(1);
        implant.setLocation("left knee");
        implant.setSide(SideType.LEFT);

        ProfessionalType specialist = new ProfessionalType();
        specialist.setSSIN(SURGEON);
        ProfessionalType prescriber = new ProfessionalType();
        prescriber.setNIHII("17800389480");

        ImplantationType implantation = new ImplantationType();
        implantation.setSpecialist(specialist);
        implantation.setOperationDate(today.minusDays(2));
        implantation.setPatient(PATIENT);
        implantation.setPrescriber(prescriber);
        implantation.setPrescriptionDate(today.minusDays(19));
        implantation.setComment("revision of the left knee");
        implantation.getImplants().add(implant);
        return implantation;
    }

    /** The removal of that component, yesterday. */
    private ExplantationType explantation(String implantId) {
        ExplantType explant = new ExplantType();
        explant.setImplantId(implantId);
        explant.setQuantity(1);
        explant.setReason("loosening");

        ProfessionalType specialist = new ProfessionalType();
        specialist.setSSIN(SURGEON);

        ExplantationType explantation = new ExplantationType();
        explantation.setSpecialist(specialist);
        explantation.setOperationDate(today.minusDays(1));
        explantation.setPatient(PATIENT);
        explantation.getExplants().add(explant);
        return explantation;
    }

    private static SearchRequest searchFor(String number) {
        ByNotificationType notification = new ByNotificationType();
        notification.setNotificationNumber(number);
        SearchRequest request = new SearchRequest();
        request.setAuthor(author());
        request.setOffset(0);
        request.setMaxElements(20);
        request.setCriteria(new SearchCriteriaType());
        request.getCriteria().setByNotification(notification);
        return request;
    }

    private static GetImplantCardRequest cardOf(String number) {
        GetImplantCardRequest request = new GetImplantCardRequest();
        request.setAuthor(author());
        request.setOf(new CardOfType());
        request.getOf().setNotificationNumber(number);
        return request;
    }

    private static void expect(boolean condition, String what) {
        if (!condition) {
            throw new IllegalStateException("not as expected: " + what);
        }
    }
}

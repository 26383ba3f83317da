package org.openctr.axis1;

import java.time.LocalDate;
import java.time.ZoneId;
import java.util.Calendar;
import java.util.Date;
import java.util.UUID;
import org.apache.axis.types.Id;
import org.apache.axis.types.URI;
import org.openctr.axis1.generated.ActorType;
import org.openctr.axis1.generated.AuthorType;
import org.openctr.axis1.generated.ByNotificationType;
import org.openctr.axis1.generated.CardOfType;
import org.openctr.axis1.generated.ExplantType;
import org.openctr.axis1.generated.ExplantationType;
import org.openctr.axis1.generated.GetImplantCardRequestType;
import org.openctr.axis1.generated.IdType;
import org.openctr.axis1.generated.ImplantationType;
import org.openctr.axis1.generated.NotifiedImplantType;
import org.openctr.axis1.generated.NotifyExplantRequestType;
import org.openctr.axis1.generated.NotifyImplantRequestType;
import org.openctr.axis1.generated.ProfessionalType;
import org.openctr.axis1.generated.RequestType;
import org.openctr.axis1.generated.SearchCriteriaType;
import org.openctr.axis1.generated.SearchRequestType;
import org.openctr.axis1.generated.SideType;

/** Fills in the requests. */
final class Requests {

    private static final String SURGEON = "78031412250";
    private static final String PATIENT = "48022907379";

    private Requests() {
    }

    /** The implantation of a component of a knee, two days ago. */
    static ImplantationType implantation(String serial) {
        NotifiedImplantType implant = new NotifiedImplantType();
        implant.setNotificationCode("000071200176");
        implant.setUDI("(01)05410000001047(17)291231(10)L2201(21)" + serial);
        implant.setQuantity(1);
        implant.setLocation("left knee");
        implant.setSide(SideType.Left);

        ProfessionalType prescriber = new ProfessionalType();
        prescriber.setNIHII("17800389480");
        ImplantationType implantation = new ImplantationType();
        implantation.setSpecialist(surgeon());
        implantation.setOperationDate(daysAgo(2));
        implantation.setPatient(PATIENT);
        implantation.setPrescriber(prescriber);
        implantation.setPrescriptionDate(daysAgo(19));
        implantation.setComment("revision of the left knee");
        implantation.setImplant(new NotifiedImplantType[] {implant});
        return implantation;
    }

    static NotifyImplantRequestType notifyImplant(ImplantationType implantation) throws Exception {
        NotifyImplantRequestType request = identified(new NotifyImplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setImplantation(implantation);
        return request;
    }

    static SearchRequestType search(String number) throws Exception {
        ByNotificationType notification = new ByNotificationType();
        notification.setNotificationNumber(number);
        SearchCriteriaType criteria = new SearchCriteriaType();
        criteria.setByNotification(notification);
        SearchRequestType request = identified(new SearchRequestType());
        request.setAuthor(author());
        request.setOffset(0);
        request.setMaxElements(20);
        request.setCriteria(criteria);
        return request;
    }

    static GetImplantCardRequestType getImplantCard(String number) throws Exception {
        CardOfType of = new CardOfType();
        of.setNotificationNumber(number);
        GetImplantCardRequestType request = identified(new GetImplantCardRequestType());
        request.setAuthor(author());
        request.setOf(of);
        return request;
    }

    /** The removal, yesterday, of an implant that the register knows. */
    static NotifyExplantRequestType notifyExplant(String implantId) throws Exception {
        ExplantType explant = new ExplantType();
        explant.setImplantId(implantId);
        explant.setQuantity(1);
        explant.setReason("loosening");

        ExplantationType explantation = new ExplantationType();
        explantation.setSpecialist(surgeon());
        explantation.setOperationDate(daysAgo(1));
        explantation.setPatient(PATIENT);
        explantation.setExplant(new ExplantType[] {explant});

        NotifyExplantRequestType request = identified(new NotifyExplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setExplantation(explantation);
        return request;
    }

    /** A day as Axis wants it: java.util.Date, of which it writes the date in Java's own time zone. */
    static Date daysAgo(int days) {
        return Date.from(LocalDate.now().minusDays(days).atStartOfDay(ZoneId.systemDefault()).toInstant());
    }

    private static <R extends RequestType> R identified(R request) throws Exception {
        request.setId(new Id("_" + UUID.randomUUID())); // an xs:ID cannot begin with a digit
        request.setIssueInstant(Calendar.getInstance());
        return request;
    }

    /** The caller's own key for a submission. Keep it: sent again with the same content, it gives the same receipt. */
    private static String inputReference() {
        return "AXIS1-" + UUID.randomUUID();
    }

    /** Who acts, inside the hospital whose certificate signs. */
    private static AuthorType author() throws Exception {
        IdType id = new IdType(SURGEON);
        id.setType(new URI("urn:be:fgov:person:ssin"));
        ActorType person = new ActorType();
        person.setId(new IdType[] {id});
        person.setFirstName(new String[] {"Anna"});
        person.setName("Claes");
        AuthorType author = new AuthorType();
        author.setHcParty(new ActorType[] {person});
        return author;
    }

    private static ProfessionalType surgeon() {
        ProfessionalType surgeon = new ProfessionalType();
        surgeon.setSSIN(SURGEON);
        return surgeon;
    }
}

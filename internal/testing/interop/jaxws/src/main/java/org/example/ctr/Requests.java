package org.example.ctr;

import be.fgov.ehealth.commons.core.v2.ActorType;
import be.fgov.ehealth.commons.core.v2.AuthorType;
import be.fgov.ehealth.commons.core.v2.IdType;
import be.fgov.ehealth.commons.protocol.v2.RequestType;
import be.fgov.ehealth.ctr.core.v1.ExplantType;
import be.fgov.ehealth.ctr.core.v1.ExplantationType;
import be.fgov.ehealth.ctr.core.v1.ImplantationType;
import be.fgov.ehealth.ctr.core.v1.NotifiedImplantType;
import be.fgov.ehealth.ctr.core.v1.ProfessionalType;
import be.fgov.ehealth.ctr.core.v1.SideType;
import be.fgov.ehealth.ctr.protocol.v1.ByNotificationType;
import be.fgov.ehealth.ctr.protocol.v1.CardOfType;
import be.fgov.ehealth.ctr.protocol.v1.GetImplantCardRequestType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyExplantRequestType;
import be.fgov.ehealth.ctr.protocol.v1.NotifyImplantRequestType;
import be.fgov.ehealth.ctr.protocol.v1.SaveType;
import be.fgov.ehealth.ctr.protocol.v1.SearchCriteriaType;
import be.fgov.ehealth.ctr.protocol.v1.SearchRequestType;
import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import javax.xml.datatype.DatatypeConfigurationException;
import javax.xml.datatype.DatatypeFactory;
import javax.xml.datatype.XMLGregorianCalendar;

/** Fills in requests. The people are those of the development data. */
final class Requests {

    private static final String SSIN = "urn:be:fgov:person:ssin";
    private static final String SURGEON = "78031412250";
    private static final String PATIENT = "48022907379";
    private static final String PRESCRIBER = "17800389480";
    private static final String FEMORAL_COMPONENT = "000071200176";

    private final DatatypeFactory types;
    private final LocalDate today = LocalDate.now();

    Requests() throws DatatypeConfigurationException {
        types = DatatypeFactory.newInstance();
    }

    /** The implantation of a component of a knee, two days ago. */
    NotifyImplantRequestType implantation(String serialNumber) {
        NotifiedImplantType implant = new NotifiedImplantType();
        implant.setNotificationCode(FEMORAL_COMPONENT);
        implant.setUDI("(01)05410000001047(17)291231(10)L2201(21)" + serialNumber);
        implant.setQuantity(1);
        implant.setLocation("left knee");
        implant.setSide(SideType.LEFT);

        ProfessionalType prescriber = new ProfessionalType();
        prescriber.setNIHII(PRESCRIBER);

        ImplantationType implantation = new ImplantationType();
        implantation.setSpecialist(surgeon());
        implantation.setOperationDate(date(today.minusDays(2)));
        implantation.setPatient(PATIENT);
        implantation.setPrescriber(prescriber);
        implantation.setPrescriptionDate(date(today.minusDays(19)));
        implantation.setComment("revision of the left knee");
        implantation.getImplant().add(implant);

        NotifyImplantRequestType request = identified(new NotifyImplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setSave(SaveType.FINAL);
        request.setImplantation(implantation);
        return request;
    }

    /** The same with two mistakes: prescribed after the operation, and another lot number than the UDI says. */
    NotifyImplantRequestType mistaken(String serialNumber) {
        NotifyImplantRequestType request = implantation(serialNumber);
        request.getImplantation().setPrescriptionDate(date(today));
        request.getImplantation().getImplant().get(0).setLotNumber("L9999");
        return request;
    }

    /** The removal of an implant, yesterday. */
    NotifyExplantRequestType explantation(String implantId) {
        ExplantType explant = new ExplantType();
        explant.setImplantId(implantId);
        explant.setQuantity(1);
        explant.setReason("loosening");

        ExplantationType explantation = new ExplantationType();
        explantation.setSpecialist(surgeon());
        explantation.setOperationDate(date(today.minusDays(1)));
        explantation.setPatient(PATIENT);
        explantation.getExplant().add(explant);

        NotifyExplantRequestType request = identified(new NotifyExplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setExplantation(explantation);
        return request;
    }

    SearchRequestType search(String notificationNumber) {
        ByNotificationType byNotification = new ByNotificationType();
        byNotification.setNotificationNumber(notificationNumber);
        SearchCriteriaType criteria = new SearchCriteriaType();
        criteria.setByNotification(byNotification);

        SearchRequestType request = identified(new SearchRequestType());
        request.setAuthor(author());
        request.setOffset(0);
        request.setMaxElements(20);
        request.setCriteria(criteria);
        return request;
    }

    GetImplantCardRequestType card(String notificationNumber) {
        CardOfType of = new CardOfType();
        of.setNotificationNumber(notificationNumber);

        GetImplantCardRequestType request = identified(new GetImplantCardRequestType());
        request.setAuthor(author());
        request.setOf(of);
        return request;
    }

    /** What every request has: an Id, which is an xs:ID and must not begin with a digit, and the moment of asking. */
    private <T extends RequestType> T identified(T request) {
        request.setId("_" + UUID.randomUUID());
        request.setIssueInstant(types.newXMLGregorianCalendar(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()));
        return request;
    }

    /** Who acts in the hospital whose certificate signs. */
    private static AuthorType author() {
        IdType id = new IdType();
        id.setType(SSIN);
        id.setValue(SURGEON);
        ActorType surgeon = new ActorType();
        surgeon.getId().add(id);
        surgeon.getFirstName().add("Anna");
        surgeon.setName("Claes");
        AuthorType author = new AuthorType();
        author.getHcParty().add(surgeon);
        return author;
    }

    private static ProfessionalType surgeon() {
        ProfessionalType surgeon = new ProfessionalType();
        surgeon.setSSIN(SURGEON);
        return surgeon;
    }

    /**
     * Our own key for the notification. Keep it with the operation in your database: the same notification sent again under
     * the same key, for instance because no reply came, gives the first receipt and is not registered twice.
     */
    private static String inputReference() {
        return "JAXWS-" + UUID.randomUUID();
    }

    /** A date without time zone; a calendar made from a GregorianCalendar would have one. */
    private XMLGregorianCalendar date(LocalDate day) {
        return types.newXMLGregorianCalendar(day.toString());
    }
}

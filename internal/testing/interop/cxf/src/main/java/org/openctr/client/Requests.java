package org.openctr.client;

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

/** Fills in the requests, with the persons of the development data. */
final class Requests {

    private static final String SURGEON = "78031412250";
    private static final String PATIENT = "48022907379";

    private final DatatypeFactory types;

    Requests() throws DatatypeConfigurationException {
        types = DatatypeFactory.newInstance();
    }

    NotifyImplantRequestType notifyImplant(ImplantationType implantation) {
        NotifyImplantRequestType request = identified(new NotifyImplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setSave(SaveType.FINAL);
        request.setImplantation(implantation);
        return request;
    }

    /** A component of a knee, placed two days ago. Lot, serial number and expiry date stand in the UDI. */
    ImplantationType implantation(String serial) {
        NotifiedImplantType implant = new NotifiedImplantType();
        implant.setNotificationCode("000071200176");
        implant.setUDI("(01)05410000001047(17)291231(10)L2201(21)" + serial);
        implant.setQuantity(1);
        implant.setLocation("left knee");
        implant.setSide(SideType.LEFT);

        ProfessionalType prescriber = new ProfessionalType();
        prescriber.setNIHII("17800389480");

        LocalDate today = LocalDate.now();
        ImplantationType implantation = new ImplantationType();
        implantation.setSpecialist(surgeon());
        implantation.setOperationDate(day(today.minusDays(2)));
        implantation.setPatient(PATIENT);
        implantation.setPrescriber(prescriber);
        implantation.setPrescriptionDate(day(today.minusDays(19)));
        implantation.setComment("revision of the left knee");
        implantation.getImplant().add(implant);
        return implantation;
    }

    SearchRequestType search(String notificationNumber) {
        ByNotificationType byNotification = new ByNotificationType();
        byNotification.setNotificationNumber(notificationNumber);
        SearchCriteriaType criteria = new SearchCriteriaType();
        criteria.setByNotification(byNotification);

        SearchRequestType request = identified(new SearchRequestType());
        request.setAuthor(author());
        request.setCriteria(criteria);
        request.setOffset(0);
        request.setMaxElements(20);
        return request;
    }

    GetImplantCardRequestType getImplantCard(String notificationNumber) {
        CardOfType of = new CardOfType();
        of.setNotificationNumber(notificationNumber);

        GetImplantCardRequestType request = identified(new GetImplantCardRequestType());
        request.setAuthor(author());
        request.setOf(of);
        return request;
    }

    /** The removal, yesterday, of an implant that the register knows. */
    NotifyExplantRequestType notifyExplant(String implantId) {
        ExplantType explant = new ExplantType();
        explant.setImplantId(implantId);
        explant.setQuantity(1);
        explant.setReason("loosening");

        ExplantationType explantation = new ExplantationType();
        explantation.setSpecialist(surgeon());
        explantation.setOperationDate(day(LocalDate.now().minusDays(1)));
        explantation.setPatient(PATIENT);
        explantation.getExplant().add(explant);

        NotifyExplantRequestType request = identified(new NotifyExplantRequestType());
        request.setAuthor(author());
        request.setInputReference(inputReference());
        request.setSave(SaveType.FINAL);
        request.setExplantation(explantation);
        return request;
    }

    /** A day, without a time zone. */
    XMLGregorianCalendar day(LocalDate day) {
        return types.newXMLGregorianCalendar(day.toString());
    }

    private <R extends RequestType> R identified(R request) {
        request.setId("_" + UUID.randomUUID()); // an NCName does not begin with a digit
        request.setIssueInstant(types.newXMLGregorianCalendar(Instant.now().truncatedTo(ChronoUnit.SECONDS).toString()));
        return request;
    }

    /** The caller's own key for a submission. Keep it: sent again with the same content, it gives the same receipt. */
    private static String inputReference() {
        return "CXF-" + UUID.randomUUID();
    }

    /** Who acts, inside the hospital whose certificate signs. */
    private static AuthorType author() {
        IdType id = new IdType();
        id.setType("urn:be:fgov:person:ssin");
        id.setValue(SURGEON);
        ActorType person = new ActorType();
        person.getId().add(id);
        person.getFirstName().add("Anna");
        person.setName("Claes");
        AuthorType author = new AuthorType();
        author.getHcParty().add(person);
        return author;
    }

    private static ProfessionalType surgeon() {
        ProfessionalType surgeon = new ProfessionalType();
        surgeon.setSSIN(SURGEON);
        return surgeon;
    }
}

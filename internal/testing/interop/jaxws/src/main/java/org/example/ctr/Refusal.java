package org.example.ctr;

import be.fgov.ehealth.ctr.core.v1.ViolationType;
import be.fgov.ehealth.ctr.core.v1.ViolationsType;
import be.fgov.ehealth.errors.core.v1.MessageType;
import be.fgov.ehealth.errors.soa.v1.BusinessErrorType;
import jakarta.xml.bind.JAXBContext;
import jakarta.xml.bind.JAXBException;
import jakarta.xml.bind.Unmarshaller;
import java.util.List;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Why the register refused: the error as a whole, and each rule that was broken with the place where. */
record Refusal(BusinessErrorType error, List<ViolationType> violations) {

    private static final String ERRORS = "urn:be:fgov:ehealth:errors:soa:v1";
    private static final String CORE = "urn:be:fgov:ehealth:ctr:core:v1";

    /** Reads a fault, or its detail. */
    static Refusal read(Element fault) throws JAXBException {
        Unmarshaller types = JAXBContext.newInstance(BusinessErrorType.class, ViolationsType.class).createUnmarshaller();
        NodeList errors = fault.getElementsByTagNameNS(ERRORS, "BusinessError");
        NodeList lists = fault.getElementsByTagNameNS(CORE, "Violations");
        return new Refusal(
                errors.getLength() == 0 ? new BusinessErrorType()
                        : types.unmarshal(errors.item(0), BusinessErrorType.class).getValue(),
                lists.getLength() == 0 ? List.of()
                        : types.unmarshal(lists.item(0), ViolationsType.class).getValue().getViolation());
    }

    String code() {
        return error.getCode();
    }

    /** The words in English; they come in Dutch, French and German too. */
    String message() {
        return error.getMessage().stream()
                .filter(message -> "en".equals(message.getLang()))
                .map(MessageType::getValue)
                .findFirst().orElse("");
    }
}

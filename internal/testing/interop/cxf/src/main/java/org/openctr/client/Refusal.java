package org.openctr.client;

import be.fgov.ehealth.ctr.core.v1.ViolationType;
import be.fgov.ehealth.ctr.core.v1.ViolationsType;
import be.fgov.ehealth.errors.core.v1.MessageType;
import be.fgov.ehealth.errors.soa.v1.SOAErrorType;
import jakarta.xml.bind.JAXB;
import jakarta.xml.soap.Detail;
import jakarta.xml.soap.DetailEntry;
import jakarta.xml.ws.soap.SOAPFaultException;
import java.util.Iterator;
import java.util.List;
import javax.xml.transform.dom.DOMSource;

/**
 * What a fault tells.
 *
 * @param code       the code of the error, as SOA-03006 or RULES_VIOLATED
 * @param message    the error in English; it is there in Dutch, French and German as well
 * @param violations everything that was found, each with its code and its place in the request
 */
record Refusal(String code, String message, List<ViolationType> violations) {

    static Refusal of(SOAPFaultException exception) {
        String code = exception.getFault().getFaultCode();
        String message = exception.getFault().getFaultString();
        List<ViolationType> violations = List.of();
        Detail detail = exception.getFault().getDetail();
        if (detail == null) { // not one of the register's: CXF makes such faults when it cannot sign
            return new Refusal(code, message, violations);
        }
        for (Iterator<DetailEntry> entries = detail.getDetailEntries(); entries.hasNext();) {
            DetailEntry entry = entries.next();
            switch (entry.getLocalName()) {
                case "SystemError", "BusinessError" -> {
                    SOAErrorType error = JAXB.unmarshal(new DOMSource(entry), SOAErrorType.class);
                    code = error.getCode();
                    for (MessageType text : error.getMessage()) {
                        if ("en".equals(text.getLang())) {
                            message = text.getValue();
                        }
                    }
                }
                case "Violations" ->
                    violations = JAXB.unmarshal(new DOMSource(entry), ViolationsType.class).getViolation();
                default -> { }
            }
        }
        return new Refusal(code, message, violations);
    }
}

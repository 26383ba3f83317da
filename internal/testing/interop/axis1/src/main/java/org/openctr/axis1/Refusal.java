package org.openctr.axis1;

import java.util.ArrayList;
import java.util.List;
import org.apache.axis.client.Stub;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * What a fault tells, from the response itself: the exceptions that WSDL2Java makes keep neither the languages of the
 * messages nor the violations.
 *
 * @param code       the code of the error, like RULES_VIOLATED
 * @param message    the error in English; it is there in Dutch, French and German as well
 * @param violations everything that was found, each with its code and its place in the request
 */
record Refusal(String code, String message, List<Violation> violations) {

    /** One thing that is wrong; path is an XPath into the request. */
    record Violation(String code, String path) {
    }

    /** Reads the fault with which the last call of a stub ended. */
    static Refusal of(Stub stub) throws Exception {
        Element envelope = stub._getCall().getResponseMessage().getSOAPEnvelope().getAsDOM();
        Element fault = all(envelope, "Fault").get(0);
        String code = all(fault, "Code").get(0).getTextContent();
        String message = "";
        for (Element text : all(fault, "Message")) {
            if (text.getAttribute("xml:lang").equals("en")) {
                message = text.getTextContent();
                break;
            }
        }
        List<Violation> violations = new ArrayList<>();
        for (Element violation : all(fault, "Violation")) {
            violations.add(new Violation(violation.getAttribute("Code"), violation.getAttribute("Path")));
        }
        return new Refusal(code, message, violations);
    }

    private static List<Element> all(Element parent, String name) {
        NodeList found = parent.getElementsByTagNameNS("*", name);
        List<Element> elements = new ArrayList<>();
        for (int i = 0; i < found.getLength(); i++) {
            elements.add((Element) found.item(i));
        }
        return elements;
    }
}

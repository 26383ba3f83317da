package org.openctr.wss4j;

import jakarta.xml.soap.SOAPElement;
import jakarta.xml.soap.SOAPException;
import java.util.ArrayList;
import java.util.List;
import org.w3c.dom.Element;
import org.w3c.dom.Node;

/** Writes and reads the elements of messages. A client with generated classes needs none of this. */
final class Elements {

    private Elements() {
    }

    /** Adds an element; its name has one of the prefixes that {@link Register} declares, like ctr:Patient. */
    static SOAPElement add(SOAPElement parent, String name) throws SOAPException {
        int colon = name.indexOf(':');
        return parent.addChildElement(name.substring(colon + 1), name.substring(0, colon));
    }

    static SOAPElement add(SOAPElement parent, String name, String text) throws SOAPException {
        return add(parent, name).addTextNode(text);
    }

    static List<Element> children(Element parent) {
        List<Element> children = new ArrayList<>();
        for (Node node = parent.getFirstChild(); node != null; node = node.getNextSibling()) {
            if (node instanceof Element element) {
                children.add(element);
            }
        }
        return children;
    }

    /** The first element at a path of local names, like Receipt/NotificationNumber; null when there is none. */
    static Element element(Element parent, String path) {
        Element at = parent;
        for (String name : path.split("/")) {
            at = children(at).stream().filter(child -> name.equals(child.getLocalName())).findFirst().orElse(null);
            if (at == null) {
                return null;
            }
        }
        return at;
    }

    /** The text of the first element at a path; null when there is none. */
    static String text(Element parent, String path) {
        Element found = element(parent, path);
        return found == null ? null : found.getTextContent();
    }
}

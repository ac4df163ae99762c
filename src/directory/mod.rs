//! Who is who: the directory of the space, asked over FHIR.

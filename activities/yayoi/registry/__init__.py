"""The systems that hold customers, offices and smart import, behind protocols."""

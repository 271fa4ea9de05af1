// Lets this package declare functions without a body.

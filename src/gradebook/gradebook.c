/* Opening, migrating, transactions, checking. */

/** quote makes one word for a shell of any text. A word that begins with = is a program's path to some shells. */
export const quote = (word: string): string => (/^[A-Za-z0-9_./:,@%+-][A-Za-z0-9_./:=,@%+-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

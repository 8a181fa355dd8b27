import path from 'node:path';

/** Where `kassaflow schema` puts what editors and offline checks need; it belongs to a project and may be committed. */
export const PROJECT_FOLDER = '.kassaflow';
export const VOCABULARY_FILE = path.join(PROJECT_FOLDER, 'vocabulary.json');

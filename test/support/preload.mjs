// Nest is ESM only: CommonJS packages that require it fail inside Jest unless it is in the module registry first (jestjs/jest#16366).
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';

import { conformance } from '../../testkit/conformance/conformance.ts';
import { descriptor } from './testing.ts';

conformance(descriptor);

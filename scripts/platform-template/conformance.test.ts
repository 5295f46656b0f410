import { conformance } from '../../testkit/conformance/conformance.ts';
import { descriptor } from './descriptor.ts';

conformance(descriptor);

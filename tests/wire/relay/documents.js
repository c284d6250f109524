// What relay-compiler reads: the documents of relay.mjs. Nothing imports this file.
import { graphql } from "relay-runtime";

graphql`
  query documentsProductQuery($id: ID!, $reviews: Int = 2) {
    product(id: $id) {
      ...documentsCard
      latest: reviews(first: 1) { stars }
      reviews(first: $reviews) { stars createdAt }
    }
  }
`;

graphql`
  fragment documentsCard on Product { id name priceCents }
`;

graphql`
  query documentsOrdersQuery { orders(first: 2) { id status note } }
`;

graphql`
  mutation documentsPlaceMutation($order: OrderInput!) { placeOrder(order: $order) { id status totalCents } }
`;

graphql`
  query documentsPageQuery { ...documentsPage }
`;

graphql`
  fragment documentsPage on Query
  @argumentDefinitions(first: { type: "Int", defaultValue: 2 }, after: { type: "ID" })
  @refetchable(queryName: "documentsPageRefetchQuery") {
    products(first: $first, after: $after) @connection(key: "Shop_products") { edges { node { id name } } }
  }
`;

graphql`
  query documentsStockQuery {
    product(id: 7) { name stock @catch(to: RESULT) { available } }
  }
`;

graphql`
  query documentsThrowingQuery @throwOnFieldError {
    product(id: 7) { name stock { available } }
  }
`;

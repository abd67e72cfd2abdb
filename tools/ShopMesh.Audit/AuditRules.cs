using System.Globalization;
using System.Runtime.InteropServices;

namespace ShopMesh;

/// <summary>Something that breaks a rule of what must always hold.</summary>
/// <param name="Rule">The rule's number in the design.</param>
/// <param name="Subject">What breaks it, such as <c>order 0198…</c>.</param>
/// <param name="Problem">In which way.</param>
public sealed record Offender(int Rule, string Subject, string Problem)
{
    public override string ToString() => $"rule {Rule}: {Subject} {Problem}";
}

/// <summary>A POST of an order that a client has sent, for what the shop's own data cannot show: which answers it gave.</summary>
/// <param name="OrderId">The order of the 201; null when no answer was a 201.</param>
public sealed record SentOrder(string CustomerId, string IdempotencyKey, string? OrderId);

/// <summary>What must always hold, whatever was killed, restarted, slowed, partitioned or sent twice; about a shop at rest.</summary>
public static class AuditRules
{
    public static IReadOnlyDictionary<int, string> Names { get; } = new Dictionary<int, string>
    {
        [1] = "an order that was taken exists, once, and reaches a final state",
        [2] = "stock: 0 ≤ reserved ≤ on hand, on hand is the sum of its ledger, the ledger is what the orders say",
        [3] = "money: what was captured and not refunded is the total of a sold order and 0 of any other",
        [4] = "a sold order has exactly one shipment, a rejected or cancelled one none that is sent",
        [5] = "one order per idempotency key",
    };

    /// <param name="sent">Everything that the customers in it ever sent; empty when that is not known.</param>
    public static IEnumerable<Offender> Check(ShopSnapshot shop, IReadOnlyCollection<SentOrder> sent)
    {
        var orders = new Dictionary<string, AuditedOrder>(shop.Orders.Count);
        foreach (var order in shop.Orders)
        {
            if (!orders.TryAdd(order.Id, order))
                yield return new(1, $"order {order.Id}", "exists more than once");
        }

        foreach (var offender in CheckOrders(orders, sent).Concat(CheckStock(orders.Values, shop.Stock)).Concat(CheckMoney(orders, shop.Payments))
            .Concat(CheckShipments(orders, shop.Shipments)).Concat(CheckKeys(orders.Values, sent)))
            yield return offender;
    }

    private static IEnumerable<Offender> CheckOrders(Dictionary<string, AuditedOrder> orders, IReadOnlyCollection<SentOrder> sent)
    {
        foreach (var order in orders.Values.Where(order => !order.IsFinal))
            yield return new(1, $"order {order.Id}", $"is still {order.Status} (attempt {order.Attempts}{(order.LastError is null ? "" : $": {order.LastError}")})");
        foreach (var answer in sent.Where(answer => answer.OrderId is { } id && !orders.ContainsKey(id)))
            yield return new(1, $"order {answer.OrderId}", "was answered with 201 and does not exist");
        foreach (var answer in sent.Where(answer => answer.OrderId is { } id && orders.TryGetValue(id, out var order) && order.CustomerId != answer.CustomerId))
            yield return new(1, $"order {answer.OrderId}", $"was placed by {answer.CustomerId} and is not theirs");
    }

    private static IEnumerable<Offender> CheckStock(IEnumerable<AuditedOrder> orders, IReadOnlyList<AuditedStock> stock)
    {
        var reserved = new Dictionary<string, long>();
        var sold = new Dictionary<string, long>();
        // A step of an open order may have been done and not been noted yet.
        var inMotion = new HashSet<string>();
        foreach (var order in orders)
        {
            foreach (var line in order.Lines)
            {
                if (order.IsReserved)
                    CollectionsMarshal.GetValueRefOrAddDefault(reserved, line.ProductId, out _) += line.Quantity;
                if (order.IsSold)
                    CollectionsMarshal.GetValueRefOrAddDefault(sold, line.ProductId, out _) += line.Quantity;
                if (!order.IsFinal)
                    inMotion.Add(line.ProductId);
            }
        }

        foreach (var item in stock)
        {
            var subject = $"product {item.ProductId}";
            var ledger = item.Ledger;
            if (item.Reserved < 0 || item.Reserved > item.OnHand)
                yield return new(2, subject, $"has {item.OnHand} on hand and {item.Reserved} reserved");
            if (item.Available != item.OnHand - item.Reserved)
                yield return new(2, subject, $"has {item.Available} available, where {item.OnHand} on hand − {item.Reserved} reserved = {item.OnHand - item.Reserved}");
            if (item.OnHand != ledger.Seeded + ledger.Corrected - ledger.Sold + ledger.Returned)
                yield return new(2, subject, $"has {item.OnHand} on hand, where the ledger has {ledger.Seeded} seeded + {ledger.Corrected} corrected − {ledger.Sold} sold + {ledger.Returned} returned");

            var held = reserved.GetValueOrDefault(item.ProductId);
            sold.Remove(item.ProductId, out var bought);
            if (inMotion.Contains(item.ProductId))
                continue;
            if (item.Reserved != held)
                yield return new(2, subject, $"has {item.Reserved} reserved, where the orders hold {held}");
            if (ledger.Sold - ledger.Returned != bought)
                yield return new(2, subject, $"has {ledger.Sold} sold − {ledger.Returned} returned, where the orders contain {bought}");
        }

        foreach (var (productId, pieces) in sold)
            yield return new(2, $"product {productId}", $"was sold {pieces} times and has no stock");
    }

    private static IEnumerable<Offender> CheckMoney(Dictionary<string, AuditedOrder> orders, IReadOnlyList<AuditedPayment> payments)
    {
        var paid = new Dictionary<string, AuditedPayment>(payments.Count);
        foreach (var payment in payments)
        {
            if (!paid.TryAdd(payment.OrderId, payment))
                yield return new(3, $"order {payment.OrderId}", "has more than one payment");
            if (!orders.ContainsKey(payment.OrderId))
                yield return new(3, $"the payment of order {payment.OrderId}", "belongs to no order");
        }

        foreach (var order in orders.Values)
        {
            var subject = $"order {order.Id}";
            var sum = order.Lines.Sum(line => line.LineTotal.Amount) + order.ShippingTotal.Amount;
            if (order.Total.Amount != sum)
                yield return new(3, subject, $"has a total of {Euro(order.Total.Amount)}, where its lines and its shipping come to {Euro(sum)}");

            var payment = paid.GetValueOrDefault(order.Id);
            var (captured, refunded, authorized) = (payment?.Captured.Amount ?? 0, payment?.Refunded.Amount ?? 0, payment?.Authorized.Amount ?? 0);
            if (captured > order.Total.Amount)
                yield return new(3, subject, $"has a total of {Euro(order.Total.Amount)}, and {Euro(captured)} was captured");
            if (order.IsSold && captured - refunded != order.Total.Amount)
                yield return new(3, subject, $"is {order.Status} with a total of {Euro(order.Total.Amount)}, where {Euro(captured)} captured − {Euro(refunded)} refunded = {Euro(captured - refunded)}");
            if (order.Status is "rejected" or "cancelled" && captured != refunded)
                yield return new(3, subject, $"is {order.Status}, where {Euro(captured)} captured − {Euro(refunded)} refunded = {Euro(captured - refunded)}");
            if ((order.IsSold || order.IsFinal) && (authorized != 0 || payment?.Status == "authorized"))
                yield return new(3, subject, $"is {order.Status} and an authorisation of {Euro(authorized)} is open");
        }
    }

    private static IEnumerable<Offender> CheckShipments(Dictionary<string, AuditedOrder> orders, IReadOnlyList<AuditedShipment> shipments)
    {
        var sent = shipments.ToLookup(shipment => shipment.OrderId);
        foreach (var orphans in sent.Where(group => !orders.ContainsKey(group.Key)))
            yield return new(4, $"shipment {orphans.First().Id}", $"belongs to order {orphans.Key}, which does not exist");
        foreach (var order in orders.Values)
        {
            var all = sent[order.Id].ToList();
            if (order.IsSold && (all.Count != 1 || all[0].Status == "cancelled"))
                yield return new(4, $"order {order.Id}", $"is {order.Status} and has {Count(all)}");
            else if (order.Status is "rejected" or "cancelled" && all.Exists(shipment => shipment.Status != "cancelled"))
                yield return new(4, $"order {order.Id}", $"is {order.Status} and has {Count(all)}");
        }
    }

    private static IEnumerable<Offender> CheckKeys(IEnumerable<AuditedOrder> orders, IReadOnlyCollection<SentOrder> sent)
    {
        foreach (var key in sent.Where(answer => answer.OrderId is not null).GroupBy(answer => (answer.CustomerId, answer.IdempotencyKey)))
        {
            if (key.Select(answer => answer.OrderId).Distinct().Count() > 1)
                yield return new(5, $"the key {key.Key.IdempotencyKey} of {key.Key.CustomerId}", $"was answered with orders {string.Join(" and ", key.Select(answer => answer.OrderId).Distinct())}");
        }

        var keys = sent.GroupBy(answer => answer.CustomerId).ToDictionary(group => group.Key, group => group.Select(answer => answer.IdempotencyKey).Distinct().Count());
        foreach (var customer in orders.GroupBy(order => order.CustomerId))
        {
            if (keys.TryGetValue(customer.Key, out var count) && customer.Count() > count)
                yield return new(5, $"customer {customer.Key}", $"sent {count} keys and has {customer.Count()} orders");
        }
    }

    private static string Count(List<AuditedShipment> shipments) =>
        shipments.Count == 0 ? "no shipment" : string.Join(" and ", shipments.CountBy(shipment => shipment.Status).Select(status => $"{status.Value} {status.Key}"));

    private static string Euro(decimal amount) => amount.ToString("0.00", CultureInfo.InvariantCulture);
}

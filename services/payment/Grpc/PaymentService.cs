using Grpc.Core;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Mvc;
using ShopMesh.Payment.Data;
using ShopMesh.Payment.V1;

namespace ShopMesh.Payment.Grpc;

[Authorize(Policies.Mesh)]
[RequestSizeLimit(Batch.MaxRequestSize)]
internal sealed class PaymentService(Payments payments, TimeProvider time) : V1.Payment.PaymentBase
{
    public override async Task<GetTokensResponse> GetTokens(GetTokensRequest request, ServerCallContext call)
    {
        if (request.Tokens.Count is 0 or > Batch.MaxOrders)
            throw Batch.Invalid($"tokens must be 1 to {Batch.MaxOrders}.");
        var found = await payments.FindTokensAsync(request.Tokens.Select(token => token.Token), call.CancellationToken);
        return new() { Results = { request.Tokens.Select(asked => new GetTokensResponse.Types.Result { Card = TokenOf(asked.CustomerId, asked.Token, found) is { } token ? new() { Brand = token.Brand, Last4 = token.Last4 } : null }) } };
    }

    public override async Task<AuthorizeResponse> Authorize(AuthorizeRequest request, ServerCallContext call)
    {
        Batch.RequireIds(request.Orders.Select(order => order.OrderId), "orders");
        if (!request.Orders.All(order => order.Amount is { MinorUnits: > 0, CurrencyCode: Money.Currency }))
            throw Batch.Invalid($"amount must be more than nothing, in {Money.Currency}.");
        var orders = request.Orders.DistinctBy(order => order.OrderId).ToDictionary(order => order.OrderId);
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        var authorized = await payments.ChangeAsync(
            [.. orders.Keys], [.. orders.Values.Select(order => order.Token)],
            (payment, tokens) =>
            {
                var order = orders[payment.OrderId];
                payment.Authorize(order.CustomerId, Money.FromMessage(order.Amount).Amount, TokenOf(order.CustomerId, order.Token, tokens), today);
            },
            call.CancellationToken);
        return new() { Results = { request.Orders.Select(order => ToMessage(authorized[order.OrderId])) } };
    }

    public override async Task<CaptureResponse> Capture(CaptureRequest request, ServerCallContext call)
    {
        var payments = await ChangeAsync(request.OrderIds, payment => payment.Capture(), call);
        return new() { Outcomes = { payments.Select(payment => payment.Status is PaymentStatus.Captured ? CaptureResponse.Types.Outcome.Captured : CaptureResponse.Types.Outcome.Refused) } };
    }

    public override async Task<VoidResponse> Void(VoidRequest request, ServerCallContext call)
    {
        var payments = await ChangeAsync(request.OrderIds, payment => payment.Void(), call);
        return new() { Outcomes = { payments.Select(payment => payment.Status is PaymentStatus.Captured ? VoidResponse.Types.Outcome.Captured : VoidResponse.Types.Outcome.Voided) } };
    }

    public override async Task<RefundResponse> Refund(RefundRequest request, ServerCallContext call)
    {
        var payments = await ChangeAsync(request.OrderIds, payment => payment.Refund(), call);
        return new() { Outcomes = { payments.Select(payment => payment.Status is PaymentStatus.Refunded ? RefundResponse.Types.Outcome.Refunded : RefundResponse.Types.Outcome.NothingCaptured) } };
    }

    /// <returns>The payments as they are then, at the places of their orders.</returns>
    private async Task<IEnumerable<OrderPayment>> ChangeAsync(IReadOnlyCollection<string> orderIds, Action<OrderPayment> change, ServerCallContext call)
    {
        var changed = await payments.ChangeAsync([.. Batch.RequireIds(orderIds, "order_ids").Distinct()], [], (payment, _) => change(payment), call.CancellationToken);
        return orderIds.Select(id => changed[id]);
    }

    /// <summary>Another customer's token is not there.</summary>
    private static PaymentToken? TokenOf(string customerId, string token, Dictionary<string, PaymentToken> found) =>
        found.TryGetValue(token, out var there) && there.CustomerId == customerId ? there : null;

    private static AuthorizeResponse.Types.Result ToMessage(OrderPayment payment) => new()
    {
        Outcome = payment.Status switch
        {
            PaymentStatus.Authorized or PaymentStatus.Captured => AuthorizeResponse.Types.Outcome.Authorized,
            PaymentStatus.Declined => AuthorizeResponse.Types.Outcome.Declined,
            PaymentStatus.Pending => AuthorizeResponse.Types.Outcome.TryAgain,
            _ => AuthorizeResponse.Types.Outcome.Voided,
        },
        Card = payment is { CardBrand: { } brand, CardLast4: { } last4 } ? new() { Brand = brand, Last4 = last4 } : null,
    };
}
